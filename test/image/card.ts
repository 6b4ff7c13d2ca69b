// The stories of one card: it joins by its personal file, loses its power at random moments, is written anew. In: a stage. Out: an assertion that
// fails, or lines.
import assert from 'node:assert/strict';
import type { Pi } from './pi.ts';
import { name, type Stage } from './stage.ts';

/** Also in the middle of a start. */
const withinMs = 60_000;

export async function settled({ say, pi }: Pick<Stage, 'say' | 'pi'>): Promise<void> {
  await pi.run('systemctl is-system-running --wait >/dev/null; true');
  const state = await pi.run('systemctl is-system-running');
  const failed = await pi.run('systemctl --failed --plain --no-legend');
  say(`the system is ${state}${failed ? `: ${failed}` : ', no unit has failed'}`);
  assert.match(state, /^running$/);
}
const partition = { root: 2, data: 3 } as const;
/** Of the card, while the power is off. */
export function cleanCard({ say, pi }: Stage, of: keyof typeof partition, journal: Parameters<Pi['checkedCard']>[1]) {
  const { isClean, said } = pi.checkedCard(partition[of], journal);
  say(`e2fsck of the ${of}: ${said.split('\n').at(-1)}`);
  assert.ok(isClean, said);
}

export async function join(stage: Stage): Promise<void> {
  const { fleet, pi, say } = stage;
  await stage.flashed({ name, timeZone: 'Europe/Berlin' });
  say(`${name} has joined with the token of its personal file`);
  await settled(stage);
  say(`root: ${await pi.run('df -h --output=size,used / | tail -n 1')}`);
  assert.equal(await pi.run("grep -c 'brj1[.]e' /boot/firmware/blackroad.yaml"), '0', 'the token is off the card');
  assert.match(await pi.run('cat /etc/machine-id'), /^[0-9a-f]{32}$/);
  assert.equal(await pi.run('ls /etc/ssh | grep -c ssh_host'), '0', 'no host keys unasked');
  assert.equal(await pi.run('date +%Z | grep -c CE'), '1', 'the time zone is set');
  const node = (await fleet.client.call('nodes')).find((each) => each.id === name);
  assert.equal(node?.status, 'active');
  say(`its health: ${JSON.stringify(node?.health)?.slice(0, 200)}`);
  say(`the agent answers ${JSON.stringify(await stage.asks('My bicycle is blue.'))}`);
}

export async function cuts(stage: Stage): Promise<void> {
  const { pi, say } = stage;
  const times = Number(process.argv[3] ?? 20);
  const before = await stage.nodes();
  for (let cut = 1; cut <= times; cut++) {
    await new Promise((done) => setTimeout(done, Math.random() * withinMs));
    await pi.cut();
    if (cut === times) cleanCard(stage, 'root', 'replayed');
    await stage.started();
    await stage.asks(`What is ${cut} and ${cut}?`);
    say(`power cut ${cut} of ${times}: ${name} is back, and its agent answers`);
  }
  await settled(stage);
  assert.equal(await stage.nodes(), before, 'it is the same node');
  assert.match(await pi.run('dmesg | grep -ci "ext4-fs error"'), /^0$/, 'the root is clean');
  const answer = await stage.asks('Which colour has my bicycle?');
  say(`asked after its bicycle, the agent has in mind ${JSON.stringify(answer)}`);
  assert.match(answer, /My bicycle is blue/, 'the agent recalls what it was told before the first cut');
  say(`its memory has all ${await stage.remembers()} exchanges once each, in a chain that verifies`);
}

export async function writtenAnew(stage: Stage): Promise<void> {
  const before = await stage.nodes();
  await stage.pi.cut();
  await stage.flashed({});
  assert.equal(await stage.nodes(), before, 'the card that was written anew is the same node');
  stage.say(`written anew, the card is ${name} again`);
  const answer = await stage.asks('Which colour has my bicycle?');
  stage.say(`and its agent has its memory back from the coordinator: ${JSON.stringify(answer).slice(0, 160)}`);
}
