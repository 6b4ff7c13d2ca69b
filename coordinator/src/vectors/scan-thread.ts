// A thread that scans its part of the rows whenever the owner of the index asks. It has no event loop: it sleeps in Atomics.wait.
import { workerData } from 'node:worker_threads';
import { layout, scansOf } from '@blackroad/std/vectors/code-scan';
import { planesStep } from '@blackroad/std/vectors/planes';
import { keepBest, newFound } from '@blackroad/std/vectors/scan';
import { jobOf, partOf, type ThreadData, word } from './scan-threads.ts';

const { memory, thread } = workerData as ThreadData;
const scans = scansOf(memory);
const words = new Int32Array(memory.buffer, 0, 64);
const found = newFound();

let seen = Atomics.load(words, word.job);
Atomics.add(words, word.ready, 1);
Atomics.notify(words, word.ready);
for (;;) {
  Atomics.wait(words, word.job, seen);
  seen = Atomics.load(words, word.job);
  if (Atomics.load(words, word.stop) === 1) break;
  const job = jobOf(memory);
  const { from, to } = partOf(thread, words[word.threads] as number, words[word.rows] as number);
  keepBest(planesStep(scans, thread, from, to, job), memory.buffer, thread, job.wanted, found);
  const at = layout.found + thread * layout.foundBytes;
  new Float32Array(memory.buffer, at, found.count).set(found.scores.subarray(0, found.count));
  new Uint32Array(memory.buffer, at + layout.foundBytes / 2, found.count).set(found.ids.subarray(0, found.count));
  words[word.found + thread] = found.count;
  Atomics.add(words, word.done, 1);
  Atomics.notify(words, word.done);
}
