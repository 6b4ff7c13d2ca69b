// Memories that other agents share are recalled beside the own ones; an agent answers without them when they do not come.
import type { MemoryDown, MemoryUp, SharedMemory } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { createNodeMemory } from './node-memory.ts';

const ever = new AbortController().signal;
const shared = (agent: string, text: string, more: Partial<SharedMemory> = {}): SharedMemory => ({
  ...{
    agent,
    seq: 7,
    hash: 'a'.repeat(64),
    kind: 'note',
    text,
    createdAt: 1,
    importance: 0.5,
    found: ['words'],
    ...more,
  },
});

async function rig(t: Test, scope: 'own' | 'team' | 'fleet' | undefined, others: SharedMemory[]) {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  coordinator.shared = others;
  const memory = createNodeMemory({
    ...{ dir: ':memory:', node: 'alice', clock, random: seededRandom(1), log: silentLog },
    embed: async (texts) => ({ model: 'm', vectors: texts.map(() => new Float32Array([1, 0])) }),
  });
  t.teardown(() => memory.close());
  const assigned = coordinator.place('ada', 'alice');
  if (scope) assigned.spec.memory.scope = scope;
  const agent = memory.open(assigned);
  coordinator.link('alice', memory);
  await clock.advance(1_000);
  const note = agent.append({ kind: 'note', text: 'The gate is green.', source: 'test', actorId: 'agent:ada' });
  await clock.advance(1_000);
  await note;
  async function ask(question: string, waitMs = 50) {
    const recalled = agent.recall(question, 3, ever);
    await clock.advance(waitMs);
    return recalled;
  }
  const asked = () =>
    coordinator.heard.filter(({ message }) => message.type === 'recall').map(({ message }) => message);
  return { clock, coordinator, memory, ask, asked };
}

t.test(
  'what others share stands beside the own memories, each with its agent, and what is said twice once',
  async (t) => {
    const { ask, asked } = await rig(t, 'team', [
      shared('bob', 'The gate code is 4711.', { found: ['words', 'meaning'], importance: 0.9 }),
      shared('carol', 'The gate is green.'),
    ]);
    const { memories, shared: how } = await ask('gate');
    t.equal(how, 'searched');
    t.same(memories.map(({ agent, text }) => `${agent ?? 'its own'}: ${text}`).sort(), [
      'bob: The gate code is 4711.',
      'its own: The gate is green.',
    ]);
    t.match(asked(), [{ epoch: 1, text: 'gate', limit: 3, embedding: { model: 'm', dimension: 2 } }]);
  },
);

t.test('an agent that shares nothing asks nobody', async (t) => {
  for (const scope of [undefined, 'own'] as const) {
    const { ask, asked } = await rig(t, scope, [shared('bob', 'The gate code is 4711.')]);
    const { memories, shared: how } = await ask('gate');
    t.same([memories.length, how, asked().length], [1, undefined, 0]);
  }
});

t.test('no coordinator, no answer in time, too many questions: its own memories alone, and why', async (t) => {
  const { memory, ask, clock, coordinator } = await rig(t, 'fleet', [shared('bob', 'The gate code is 4711.')]);
  const answerWith = (change: (answer: MemoryDown) => MemoryDown | null) => {
    memory.publish = (agent: string, message: MemoryUp) => {
      for (const answer of coordinator.answer('alice', agent, message)) {
        const changed = change(answer);
        if (changed) queueMicrotask(() => memory.receive(changed));
      }
    };
  };
  answerWith(() => null);
  t.match(await ask('gate', 700), { shared: 'late', memories: [{ text: 'The gate is green.' }] });
  answerWith((answer) => (answer.type === 'recalled' ? { ...answer, memories: [], busy: true } : answer));
  t.match(await ask('gate'), { shared: 'busy', memories: [{ text: 'The gate is green.' }] });
  answerWith((answer) => (answer.type === 'recalled' ? { ...answer, agent: 'eve' } : answer));
  t.match(await ask('gate', 700), { shared: 'late' }, 'an answer about another agent is none');
  answerWith((answer) => (answer.type === 'recalled' ? { ...answer, id: 'ffffffff' } : answer));
  t.match(await ask('gate', 700), { shared: 'late' }, 'nor is one to another question');
  answerWith(() => null);
  const many = Array.from({ length: 70 }, () => ask('gate', 0));
  await clock.advance(800);
  const how = (await Promise.all(many)).map(({ shared }) => shared);
  t.same([how.filter((each) => each === 'late').length, how.filter((each) => each === 'busy').length], [64, 6]);
  const cut = ask('gate', 0);
  await clock.advance(1);
  memory.disconnected();
  t.match(await cut, { shared: 'away', memories: [{ text: 'The gate is green.' }] });
  t.match(await ask('gate'), { shared: 'away' });
});
