// An agent that is about to leave this node: it begins nothing, its log is told when the last turn has ended, and it goes on when it is heard
// that it stays, with the version of its spec that came meanwhile. The agents are counted here, not run: agent.test.ts has their turns.
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import type { AssignedAgent } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { RunningAgent } from '../agents/agent.ts';
import { AssignedAgents } from './assigned-agents.ts';
import { openAssignmentStore } from './assignment-store.ts';
import { createLicence } from './licence.ts';

function rig() {
  const clock = new HandClock();
  const assignments = openAssignmentStore(':memory:', { nowMs: 0, onDamage: () => {} });
  const told: (number | null)[] = [];
  const made: { agent: RunningAgent; end: () => void }[] = [];
  const agents = new AssignedAgents({
    assignments,
    licence: createLicence(clock, 0),
    createAgent(assigned) {
      const turn = Promise.withResolvers<void>();
      const agent = { assigned, leaving: false, idle: () => turn.promise, stop: async () => {} };
      made.push({ agent: agent as unknown as RunningAgent, end: turn.resolve });
      return agent as unknown as RunningAgent;
    },
    pool: { want() {}, drop() {} } as never,
    memory: { release() {}, leave: (_agent, _epoch, leaving) => void told.push(leaving) },
    fire: () => null,
    isUnderWay: () => false,
    node: 'alice',
    board: null,
    onRemoved() {},
    clock,
    log: silentLog,
  });
  let generation = 0;
  const put = (over: Partial<AssignedAgent> = {}) => {
    const assigned = { ...assignedAgent('ada', 1, { baseSeq: 0, baseHash: 'genesis', from: null }), ...over };
    agents.applyDelta({ from: generation, to: ++generation, put: [assigned], remove: [] });
  };
  return { agents, made, told, put };
}

t.test('the log hears of it when the last turn has ended', async (t) => {
  const { made, told, put } = rig();
  put();
  told.length = 0;
  put({ leaving: 77 });
  t.equal(made[0]?.agent.leaving, true);
  await turnOfLoop();
  t.same(told, []);
  made[0]?.end();
  await turnOfLoop();
  t.same(told, [77]);
  put();
  t.equal(made[0]?.agent.leaving, false);
  t.same(told, [77, null]);
  t.equal(made.length, 1);
});

t.test('it stays before its turn has ended: the log hears nothing of it', async (t) => {
  const { made, told, put } = rig();
  put();
  put({ leaving: 77 });
  put();
  told.length = 0;
  made[0]?.end();
  await turnOfLoop();
  t.same(told, []);
});

t.test('a new version cuts off nothing, and is run when the agent stays', async (t) => {
  const { agents, made, told, put } = rig();
  put();
  put({ version: 2, leaving: 77 });
  t.equal(made.length, 1);
  told.length = 0;
  put({ version: 2 });
  t.equal(made.length, 2);
  t.equal(agents.running.get('ada')?.assigned.version, 2);
  t.same(told, [null]);
});
