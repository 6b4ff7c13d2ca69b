// Plays seeds on several threads: a world runs in one thread, and is the same on any. In: seeds, which free threads take one by one. Out:
// the played worlds, in the order of their ends.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type Given, type Played, World } from './world.ts';

/** A seed, with what is given in place of it. */
export interface Seed extends Pick<Given, 'hasClients'> {
  seed: number;
}
const worldOf = ({ seed, ...given }: Seed) => new World(seed, given);

/** Killed processes leave waits that Node never frees (composite abort signals), so a thread ends after this number of seeds. */
const seedsAThread = 20;

export async function playAll(seeds: Iterable<Seed>, threads: number, played: (one: Played) => boolean): Promise<void> {
  const rest = seeds[Symbol.iterator]();
  let goesOn = true;
  const next = () => (goesOn ? rest.next().value : undefined);
  if (threads === 1) {
    for (let seed = next(); seed !== undefined; seed = next()) goesOn = played(await worldOf(seed).play());
    return;
  }
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const hire = (seed: Seed | undefined) => {
        if (seed === undefined) return resolve();
        const worker = new Worker(new URL(import.meta.url));
        let count = 1;
        worker.on('error', reject);
        worker.on('message', (one: Played) => {
          goesOn = played(one) && goesOn;
          const more = next();
          if (more !== undefined && count++ < seedsAThread) worker.postMessage(more);
          else worker.terminate().then(() => hire(more), reject);
        });
        worker.postMessage(seed);
      };
      hire(next());
    });
  await Promise.all(Array.from({ length: threads }, work));
}

if (!isMainThread)
  parentPort?.on('message', async (seed: Seed) => {
    const one = await worldOf(seed).play();
    parentPort?.postMessage({ ...one, trace: [] });
  });
