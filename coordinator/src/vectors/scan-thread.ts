// A thread that scans its part of the rows whenever the owner of the index asks. It has no event loop: it sleeps in Atomics.wait.
import { workerData } from 'node:worker_threads';
import { layout, scanOf } from '@blackroad/std/vectors/code-scan';
import { newFound, scanPart } from '@blackroad/std/vectors/scan';
import { partOf, type ThreadData, word } from './scan-threads.ts';

const { memory, thread } = workerData as ThreadData;
const scan = scanOf(memory);
const words = new Int32Array(memory.buffer, 0, 64);
const floats = new Float32Array(memory.buffer, 0, 64);
const read = (which: number) => words[which] as number;
const found = newFound();

let seen = Atomics.load(words, word.job);
Atomics.add(words, word.ready, 1);
Atomics.notify(words, word.ready);
for (;;) {
  Atomics.wait(words, word.job, seen);
  seen = Atomics.load(words, word.job);
  if (Atomics.load(words, word.stop) === 1) break;
  const blocks = read(word.blocks);
  const job = {
    blocks,
    base: floats[word.base] as number,
    wanted: read(word.wanted),
    agents: read(word.agents),
    kinds: read(word.kinds),
  };
  const part = partOf(thread, read(word.threads), read(word.end) >>> 0, blocks);
  scanPart(scan, memory.buffer, { thread, ...part }, job, found);
  const at = layout.found + thread * layout.foundBytes;
  new Float32Array(memory.buffer, at, found.count).set(found.scores.subarray(0, found.count));
  new Uint32Array(memory.buffer, at + layout.foundBytes / 2, found.count).set(found.ids.subarray(0, found.count));
  words[word.found + thread] = found.count;
  Atomics.add(words, word.done, 1);
  Atomics.notify(words, word.done);
}
