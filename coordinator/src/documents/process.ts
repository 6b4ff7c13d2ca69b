// The process that takes the text out of one document: it begins here, gets one order over its channel, answers it and ends. It may read files
// and nothing else: its parent starts it without the right to write, to start programs or to load native code, bounds its memory and its time,
// and kills it where it takes more.
import { readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { UnreadableDocument } from './block.ts';
import { type ReadDocument, readDocument } from './read-document.ts';

export interface ReadOrder {
  path: string;
  name: string;
}
/** `problem`: of the document, in words; `fault`: of this program. */
export type ReadAnswer = ReadDocument | { problem: string } | { fault: string };

/** Steps of Linux: the coordinator and the database have the processor first. */
const niceness = 10;

try {
  setPriority(niceness);
} catch {
  // Not all systems allow it; it then has the same share as the coordinator.
}
process.on('disconnect', () => process.exit(1));
process.once('message', ({ path, name }: ReadOrder) => {
  // It ends when its parent has read the answer, and closes the channel.
  const tell = (answer: ReadAnswer) => void process.send?.(answer);
  readFile(path)
    .then((bytes) => readDocument(new Uint8Array(bytes), name))
    .then(tell, (error: Error) =>
      tell(error instanceof UnreadableDocument ? { problem: error.message } : { fault: error.stack ?? error.message }),
    );
});
