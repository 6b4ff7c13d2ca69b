// The log of an agent that is about to leave this node: it says so once everything is committed, again after a new connection, and takes
// nothing more until it is heard that the agent stays.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryDown, MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent, TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { createNodeMemory } from './node-memory.ts';

/** A node with one agent, and a coordinator that hears it while `isHeard`. */
function rig(t: Test) {
  const clock = new HandClock();
  const dir = mkdtempSync(join(tmpdir(), 'leaving-'));
  const options = { dir, node: 'alice', clock, random: seededRandom(7), log: silentLog, embed: async () => null };
  const memory = createNodeMemory(options);
  const coordinator = new TinyCoordinator();
  const said: MemoryUp[] = [];
  const line = { isHeard: true };
  memory.publish = (agent, message) => {
    said.push(structuredClone(message));
    if (!line.isHeard) return;
    const answers = coordinator.answer('alice', agent, structuredClone(message));
    clock.after(5, () => {
      for (const answer of answers) memory.receive(answer);
    });
  };
  t.teardown(async () => {
    await memory.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const log = memory.open(coordinator.place('ada', 'alice'));
  memory.connected();
  const keep = async (text: string) => {
    const kept = log.append({ kind: 'note', text, source: 'test', actorId: 'agent:ada' });
    let done = false;
    void kept.finally(() => {
      done = true;
    });
    while (!done) await clock.advance(5);
    return kept;
  };
  const drained = () => said.filter(({ type }) => type === 'drained');
  return { clock, memory, coordinator, said, line, log, keep, drained };
}

t.test('what it holds is committed first, and then it says so', async (t) => {
  const { clock, memory, line, keep, drained, said, log } = rig(t);
  await clock.advance(500);
  line.isHeard = false;
  await keep('last words');
  memory.leave('ada', 1, 77);
  await clock.advance(25_000);
  t.same(drained(), [], 'not while an entry is with nobody else');
  line.isHeard = true;
  await clock.advance(90_000);
  const { durableSeq, hash } = log.status;
  t.match(drained().slice(0, 1), [{ epoch: 1, leaving: 77, durableSeq, hash }]);
  t.ok(said.findIndex(({ type }) => type === 'drained') > said.findIndex(({ type }) => type === 'batch'));
});

t.test('it says so again until it is answered, and at once over a new connection', async (t) => {
  const { clock, memory, keep, drained } = rig(t);
  await keep('one');
  await clock.advance(500);
  memory.leave('ada', 1, 77);
  await clock.advance(500);
  t.equal(drained().length, 1);
  await clock.advance(15_000);
  t.equal(drained().length, 2, 'the message was lost');
  memory.disconnected();
  memory.connected();
  await clock.advance(500);
  t.equal(drained().length, 3);
  memory.release('ada', 1);
  await clock.advance(60_000);
  t.equal(drained().length, 3, 'the agent is off this node');
});

t.test('nothing of a person and of a branch is written meanwhile; all of it when the agent stays', async (t) => {
  const { clock, memory, keep, log, drained } = rig(t);
  await keep('one');
  await clock.advance(500);
  memory.leave('ada', 1, 77);
  await clock.advance(500);
  const before = log.status.durableSeq;
  const given = { given: 'g1', kind: 'note', text: 'given', tags: [], importance: 0.5, source: 'user:ada' } as const;
  const give: MemoryDown = { type: 'give', agent: 'ada', epoch: 1, memories: [{ ...given, tags: [] }] };
  memory.receive(give);
  await clock.advance(1_000);
  t.equal(log.status.durableSeq, before);
  memory.leave('ada', 1, null);
  memory.receive(give);
  await clock.advance(1_000);
  t.equal(log.status.durableSeq, before + 1);
  const count = drained().length;
  await clock.advance(60_000);
  t.equal(drained().length, count, 'what was said before holds no more');
  t.equal(log.status.ackedSeq, before + 1);
});

t.test('an epoch that is over asks nothing', async (t) => {
  const { clock, memory, keep, drained } = rig(t);
  await keep('one');
  memory.open(assignedAgent('ada', 2, { baseSeq: 0, baseHash: 'genesis', from: null }));
  memory.leave('ada', 1, 77);
  await clock.advance(2_000);
  t.same(drained(), []);
});
