// The first line of a file that is not empty, without reading the rest of it.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { wrongUse } from './verb.ts';

/** @throws FleetError `invalid-request` where there is no file or no line */
export async function firstLine(path: string): Promise<string> {
  const content = createReadStream(path);
  try {
    for await (const line of createInterface({ input: content, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line.trim() !== '') return line;
  } catch (error) {
    throw wrongUse(`<file>: ${(error as Error).message}`);
  } finally {
    content.destroy();
  }
  throw wrongUse(`<file>: expected requests, ${path} has none.`);
}
