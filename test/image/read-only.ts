// The story of a card that may be pulled at any moment: `readOnly: yes`. It joins, starts once more, keeps its node and its agent's memory over power
// cuts while nothing is written to its system, and can be made writable and read-only again. In: a stage. Out: lines, or an assertion that fails.
import assert from 'node:assert/strict';
import { until } from '../fixtures/processes.ts';
import { cleanCard, settled } from './card.ts';
import { idle } from './idle.ts';
import { startMs } from './pi.ts';
import { name, type Stage } from './stage.ts';

const cuts = 5;
const withinMs = 60_000;

const kindOfRoot = ({ pi }: Stage) => pi.run('findmnt -no FSTYPE /');
/** Sectors written to the partition of the system since the start. */
const written = async ({ pi }: Stage) => Number((await pi.run('cat /sys/block/vda/vda2/stat')).trim().split(/\s+/)[6]);

/** `isUntouched`: this test itself has written nothing to the system since the start. */
async function isReadOnly(stage: Stage, isUntouched: boolean): Promise<void> {
  assert.equal(await kindOfRoot(stage), 'overlay');
  const [system, boot] = [await written(stage), await stage.pi.run('cat /sys/block/vda/vda1/stat')];
  stage.say(`sectors written to the system: ${system}, to the boot partition: ${boot.trim().split(/\s+/)[6]}`);
  if (isUntouched) assert.equal(system, 0, 'nothing was written to the system');
}

export async function readOnly(stage: Stage): Promise<void> {
  const { pi, say } = stage;
  await pi.cut();
  await stage.flashed({ name, readOnly: true });
  say(`${name} has joined, and starts once more by itself`);
  await until('a root in memory', async () => (await kindOfRoot(stage)) === 'overlay', startMs);
  await settled(stage);
  for (const line of (await pi.run('blackroad-read-only; df -h --output=target,size,used / /data | tail -n 2')).split(
    '\n',
  ))
    say(line.trim());
  await stage.asks('My bicycle is blue.');
  // Where its models are was written to the card.
  await isReadOnly(stage, false);
  await idle(stage);
  const before = await stage.nodes();
  for (let cut = 1; cut <= cuts; cut++) {
    await new Promise((done) => setTimeout(done, Math.random() * withinMs));
    await pi.cut();
    // Nothing was written to it: there is no journal to replay.
    cleanCard(stage, 'root', 'empty');
    if (cut === cuts) cleanCard(stage, 'data', 'replayed');
    await stage.started();
    await isReadOnly(stage, true);
    await stage.asks(`What is ${cut} and ${cut}?`);
    say(`power cut ${cut} of ${cuts}: ${name} is back, and its agent answers`);
  }
  await settled(stage);
  assert.equal(await stage.nodes(), before, 'it is the same node');
  assert.match(await stage.asks('Which colour has my bicycle?'), /My bicycle is blue/);
  say(`its memory has all ${await stage.remembers()} exchanges once each, in a chain that verifies`);
  for (const [word, kind] of [
    ['off', 'ext4'],
    ['on', 'overlay'],
  ] as const) {
    await pi.run(`blackroad-read-only ${word}`);
    await pi.restart();
    assert.equal(await kindOfRoot(stage), kind);
    say(`blackroad-read-only ${word}, and a restart: the root is ${kind}`);
  }
  await settled(stage);
}
