// What memories cost the SD card of a node that is offline for a day, a recall before each: one by one, and ten at once, with and without vectors.
// In bytes that the kernel gave to the disk, where the folder is on one, else that SQLite wrote.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom, systemRandom } from '@blackroad/std/random';
import { createNodeMemory } from '../../node-agent/src/memory/node-memory.ts';
import { TinyCoordinator } from '../fixtures/node-agent/tiny-coordinator.ts';
import { bench } from './line.ts';
import { writtenBytes } from './proc.ts';
import { zipfText } from './zipf-text.ts';

const memories = 1_000;
const dimension = 384;
const goalKb = 5;
const signal = new AbortController().signal;

export async function cardWrites(): Promise<void> {
  for (const vectors of [false, true])
    for (const atOnce of [1, 10]) {
      const { disk, calls } = await writes(vectors, atOnce);
      const name = `card-writes-a-memory-${atOnce === 1 ? 'one-by-one' : 'ten-at-once'}${vectors ? '-with-vector' : ''}`;
      const value = (disk || calls) / memories / 1_000;
      bench({ name, value, unit: disk > 0 ? 'kB' : 'kB of SQLite', goal: { is: '<=', value: goalKb } });
    }
}

async function writes(vectors: boolean, atOnce: number): Promise<{ disk: number; calls: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-card-'));
  const random = seededRandom(1);
  const vector = () => Float32Array.from({ length: dimension }, () => random.next() * 2 - 1);
  const coordinator = new TinyCoordinator();
  const memory = createNodeMemory({
    dir,
    node: 'alice',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    embed: async (texts) => (vectors ? { model: 'all-minilm', vectors: texts.map(vector) } : null),
  });
  const ada = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await wait(500);
  memory.publish = () => {};
  const before = written();
  for (let i = 0; i < memories; i += atOnce) {
    await ada.recall(zipfText(random, 6), 5, signal);
    const turn = () => `User: ${zipfText(random, 20)}\nAssistant: ${zipfText(random, 40)}`;
    const one = () => ada.append({ kind: 'turn', text: turn(), source: 'task:bench', actorId: 'agent:ada' });
    await Promise.all(Array.from({ length: atOnce }, one));
  }
  await memory.close();
  const after = written();
  rmSync(dir, { recursive: true });
  return { disk: after.disk - before.disk, calls: after.calls - before.calls };
}

function written(): { disk: number; calls: number } {
  const calls = /^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1];
  return { disk: writtenBytes(process.pid), calls: Number(calls ?? 0) };
}
