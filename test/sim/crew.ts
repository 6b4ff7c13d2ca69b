// Plays seeds on several threads: a world is one thread's own, and the same on any. In: seeds, one after the other to whoever is free.
// Out: what was played, in the order in which it ended.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type Played, World } from './world.ts';

export async function playAll(
  seeds: Iterable<number>,
  threads: number,
  played: (one: Played) => boolean,
): Promise<void> {
  const rest = seeds[Symbol.iterator]();
  let goesOn = true;
  const next = () => (goesOn ? rest.next().value : undefined);
  if (threads === 1) {
    for (let seed = next(); seed !== undefined; seed = next()) goesOn = played(await new World(seed).play());
    return;
  }
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url));
      const deal = () => {
        const seed = next();
        if (seed === undefined) void worker.terminate().then(() => resolve(), reject);
        else worker.postMessage(seed);
      };
      worker.on('error', reject);
      worker.on('message', (one: Played) => {
        goesOn = played(one) && goesOn;
        deal();
      });
      deal();
    });
  await Promise.all(Array.from({ length: threads }, work));
}

if (!isMainThread)
  parentPort?.on('message', async (seed: number) => {
    const one = await new World(seed).play();
    parentPort?.postMessage({ ...one, trace: [] });
  });
