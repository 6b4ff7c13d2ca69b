// What a batch has answered so far, in a file of its own: one line an answer, added in order. After a crash the whole lines count, and a part
// of a line at the end is cut off. A line that did not reach the disk is answered once more.
import { type FileHandle, open } from 'node:fs/promises';
import { linesOf } from './lines.ts';

export class AnswersFile {
  readonly ids = new Set<string>();
  readonly path: string;
  readonly #file: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<AnswersFile> {
    const file = await open(path, 'a+', 0o600);
    const answers = new AnswersFile(path, file);
    const { size } = await file.stat();
    let whole = 0;
    for await (const { text } of linesOf(path)) {
      const id = idOf(text);
      const end = whole + Buffer.byteLength(text) + 1;
      if (id === null || end > size) break;
      answers.ids.add(id);
      whole = end;
    }
    await file.truncate(whole);
    return answers;
  }

  add(id: string, line: object): Promise<void> {
    const written = this.#last.then(() => this.#file.appendFile(`${JSON.stringify(line)}\n`));
    this.#last = written.catch(() => {}); // told to its caller; the next one tries again
    return written.then(() => void this.ids.add(id));
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.sync().finally(() => this.#file.close());
  }
}

function idOf(line: string): string | null {
  try {
    const { custom_id: id } = JSON.parse(line) as { custom_id?: unknown };
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}
