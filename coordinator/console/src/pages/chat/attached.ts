// Text files that go along with a message: they stand in the prompt below its words, as the model reads them, and are found there again to
// be shown as files. Pure.
export interface AttachedFile {
  name: string;
  text: string;
}

/** Longer than any run of backticks in the text: the end of the file is certain. */
function fenceFor(text: string): string {
  const longest = Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return '`'.repeat(longest + 1);
}
const plainName = (name: string) => name.replace(/["\r\n]+/g, "'").slice(0, 120);

/** The prompt of a message with files. */
export function withFiles(message: string, files: readonly AttachedFile[]): string {
  const parts = files.map(({ name, text }) => {
    const fence = fenceFor(text);
    return `Attached file "${plainName(name)}":\n${fence}\n${text}\n${fence}`;
  });
  return [message.trim(), ...parts].filter((part) => part !== '').join('\n\n');
}

const lastFile = /(?:^|\n\n)Attached file "([^"\n]+)":\n(`{4,})\n((?:(?!\2)[\s\S])*)\n\2$/;
/** The words of a prompt, and its files in order. */
export function splitFiles(prompt: string): { message: string; files: AttachedFile[] } {
  const files: AttachedFile[] = [];
  let message = prompt;
  for (let found = lastFile.exec(message); found; found = lastFile.exec(message)) {
    files.unshift({ name: found[1] as string, text: found[3] as string });
    message = message.slice(0, found.index);
  }
  return { message, files };
}

/** The text of a file; null where it is none: a picture, a program, an archive. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text.replaceAll('\r\n', '\n');
  } catch {
    return null;
  }
}
