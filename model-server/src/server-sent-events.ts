// Server-sent events from their lines. In: lines. Out: the data of each event; comments (lines that begin with a colon, sent to keep the
// connection open) are dropped.
import { parsed } from './json.ts';

export class ServerSentEvents {
  #data: string[] = [];

  push(line: string): string[] {
    if (line === '') return this.end();
    if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    // Older llama-servers end a broken stream this way.
    else if (line.startsWith('error:')) return [JSON.stringify({ error: parsed(line.slice(6)) ?? line.slice(6) })];
    return [];
  }

  /** The event that no empty line ended. */
  end(): string[] {
    if (this.#data.length === 0) return [];
    const data = this.#data.join('\n');
    this.#data = [];
    return [data];
  }
}
