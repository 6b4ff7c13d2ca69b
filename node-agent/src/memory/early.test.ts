// An agent that moved answers before all of its memory is on the new node: with the newest and the most important ones, which leave nothing behind
// once the log itself has come.
import { commitPayload, hashHeader, type MemoryDown, type MemoryEntry, type MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { payloadOf } from './chain.ts';
import { createNodeMemory } from './node-memory.ts';

const batchEntries = 5;
const ever = new AbortController().signal;

/** A log of exchanges with two important notes near its beginning, and a node that is to hold it: its messages wait until `step`. */
function moved(t: Test, count = 60) {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  coordinator.place('ada', 'alice');
  const log = coordinator.logs.get('ada')!;
  for (let seq = 1; seq <= count; seq++) {
    const isNote = seq === 4 || seq === 6;
    const text = isNote ? `The gate code is ${seq * 1111}.` : exchange(seq);
    log.entries.push(entryOf(log.entries.at(-1), isNote ? 'note' : 'turn', text, isNote ? 0.9 : 0.5, clock.nowMs()));
  }
  const memory = createNodeMemory({
    ...{ dir: ':memory:', node: 'bob', clock, random: seededRandom(1), log: silentLog },
    ...{ embed: async () => null, batchEntries },
  });
  const sent: { agent: string; message: MemoryUp }[] = [];
  memory.publish = (agent, message) => void sent.push({ agent, message: structuredClone(message) });
  const agent = memory.open(coordinator.place('ada', 'bob'));
  memory.connected();
  t.teardown(() => memory.close());
  /** The next message is answered; `change` may falsify the answer. */
  async function step(change: (answer: MemoryDown) => MemoryDown = (answer) => answer): Promise<string> {
    await clock.advance(50);
    const next = sent.shift();
    if (!next) return 'nothing';
    for (const answer of coordinator.answer('bob', next.agent, next.message)) memory.receive(change(answer));
    await clock.advance(50);
    return next.message.type === 'fetch' ? `fetch ${next.message.which} ${next.message.before}` : next.message.type;
  }
  async function found(question: string): Promise<string[]> {
    const recalled = agent.recall(question, 5, ever);
    await clock.advance(50);
    return (await recalled).memories.map(({ text }) => text);
  }
  return { clock, coordinator, log, memory, agent, step, found, sent };
}
/** A word for each number, of letters alone. */
const word = (seq: number) => `w${[...String(seq)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}w`;
const exchange = (seq: number) => `Question ${seq}: ${word(seq)}. Answered.`;

function entryOf(
  before: MemoryEntry | undefined,
  kind: MemoryEntry['kind'],
  text: string,
  importance: number,
  nowMs: number,
  key?: string,
): MemoryEntry {
  const payload = payloadOf({ text, importance, source: 'test', ...(key === undefined ? {} : { key }) }, null);
  const salt = 'ab'.repeat(16);
  const header = {
    ...{ agentId: 'ada', epoch: 1, seq: (before?.seq ?? 0) + 1, actorId: 'agent:ada', kind, createdAt: nowMs },
    ...{ payloadCommitment: commitPayload(salt, payload), previousHash: before?.hash ?? 'genesis' },
  };
  return { ...header, hash: hashHeader(header), salt, payload };
}

t.test(
  'the newest and the most important memories come first, and are searched until the log itself is here',
  async (t) => {
    const { agent, step, found, coordinator, sent, clock } = moved(t);
    t.equal(await step(), 'hello');
    t.equal(agent.part, null, 'five of the oldest are too few');
    t.equal(await step(), 'fetch newest 61');
    t.equal(await step(), 'fetch important 56');
    t.same(
      [agent.hydrated, agent.part],
      [false, { have: 11, of: 60 }],
      'five from each end, and one note that is in neither',
    );
    t.same(await found('What is the gate code?'), ['The gate code is 6666.', 'The gate code is 4444.']);
    t.same(await found(word(58)), [exchange(58)]);
    t.same(await found(word(30)), [], 'not here yet');
    const turns = agent.turns(3, 0).map(({ text }) => text.slice(0, 11));
    t.same(turns, ['Question 58', 'Question 59', 'Question 60']);
    t.equal(await step(), 'fetch newest 56');
    t.equal(await step(), 'fetch newest 51');
    t.same(agent.part, { have: 21, of: 60 });
    t.same(await found(word(47)), [exchange(47)]);

    const waiting = agent.append({ kind: 'turn', text: 'Said meanwhile.', source: 'test', actorId: 'agent:ada' });
    await clock.advance(300);
    t.same(await waiting, { seq: 0, hash: '' }, 'durable, and chained when the log is whole');
    while (!agent.hydrated) t.equal(await step(), 'hello');
    t.equal(agent.part, null);
    t.same(await found(word(47)), [exchange(47)], 'once');
    t.same(await found('What is the gate code?'), ['The gate code is 6666.', 'The gate code is 4444.']);
    t.same(await found(word(30)), [exchange(30)]);
    while (sent.length > 0) await step();
    const kinds = coordinator.logs
      .get('ada')
      ?.entries.slice(60)
      .map(({ kind, payload }) => `${kind}: ${payload?.text}`);
    t.same(kinds, ['migrate: Moved from alice to bob, epoch 2.', 'turn: Said meanwhile.']);
  },
);

t.test('a log of which little is missing comes as a whole, and an older coordinator is not asked', async (t) => {
  const short = moved(t, 20);
  const older = moved(t);
  older.coordinator.isOlder = true;
  for (const { agent, step } of [short, older]) {
    while (!agent.hydrated) t.equal(await step(), 'hello');
    t.equal(agent.part, null);
  }
});

t.test('a page that is not what it says is refused, and the log comes as a whole', async (t) => {
  const falsified: { [what: string]: (entries: MemoryEntry[]) => MemoryEntry[] } = {
    'a word of the text': (entries) => entries.map((each) => ({ ...each, createdAt: each.createdAt + 1 })),
    'an end that is another one': (entries) => entries.slice(0, -1),
    'a gap': (entries) => entries.filter((_, at) => at !== 2),
    'of another agent': (entries) => entries.map((each) => ({ ...each, agentId: 'eve' })),
  };
  for (const [what, change] of Object.entries(falsified)) {
    const { agent, step, found } = moved(t);
    await step();
    const first = await step((answer) =>
      answer.type === 'early' ? { ...answer, entries: change(answer.entries) } : answer,
    );
    t.equal(first, 'fetch newest 61', what);
    t.same(await found(word(58)), [], what);
    for (let i = 0; i < 40 && !agent.hydrated; i++) await step();
    t.ok(agent.hydrated, what);
    t.same(await found(word(58)), [exchange(58)], what);
  }
});

t.test('content that does not match its hash is left out, and the rest is taken', async (t) => {
  const { step, found } = moved(t);
  await step();
  await step((answer) =>
    answer.type === 'early'
      ? {
          ...answer,
          entries: answer.entries.map((each) =>
            each.seq === 58 && each.payload
              ? { ...each, payload: { ...each.payload, text: `${word(58)} is a lie` } }
              : each,
          ),
        }
      : answer,
  );
  t.same(await found(word(58)), []);
  t.same(await found(word(59)), [exchange(59)]);
});

t.test('what is erased meanwhile is found no more', async (t) => {
  const { memory, clock, log, step, found } = moved(t);
  for (let i = 0; i < 3; i++) await step();
  memory.receive({ type: 'erase', agent: 'ada', number: 1, hashes: [log.entries[5]!.hash, log.entries[45]!.hash] });
  await clock.advance(500);
  t.same(await found('What is the gate code?'), ['The gate code is 4444.']);
  for (let i = 0; i < 3; i++) await step();
  t.same(await found(word(46)), [], 'erased before it came');
  t.same(await found(word(47)), [exchange(47)]);
});

t.test(
  'a connection that ends in between: what is here is searched, and the next one goes on with the rest',
  async (t) => {
    const { memory, agent, step, sent, found } = moved(t);
    for (let i = 0; i < 3; i++) await step();
    memory.disconnected();
    sent.length = 0;
    t.same(await found(word(58)), [exchange(58)]);
    memory.connected();
    t.equal(await step(), 'hello');
    t.equal(await step(), 'fetch newest 56');
    while (!agent.hydrated) await step();
    t.same(await found(word(47)), [exchange(47)]);
  },
);

t.test('an agent that moves on meanwhile leaves nothing of it', async (t) => {
  const { memory, coordinator, agent, step, found, clock } = moved(t);
  for (let i = 0; i < 3; i++) await step();
  coordinator.place('ada', 'carol');
  memory.release('ada', agent.status.epoch);
  await clock.advance(500);
  t.equal(agent.part, null);
  t.same(await found(word(58)), []);
});

t.test('a key is known by the first ones, or not known yet, and never said not to be there', async (t) => {
  const { agent, step, log, clock, found } = moved(t);
  const set = (key: string, text: string) =>
    log.entries.push(entryOf(log.entries.at(-1), 'value', text, 0.6, clock.nowMs(), key));
  set('gate', 'old');
  for (let seq = 62; seq < 80; seq++) log.entries.push(entryOf(log.entries.at(-1), 'turn', 'x', 0.5, clock.nowMs()));
  set('door', 'blue');
  set('door', 'green');
  set('bell', '');
  t.equal(await step(), 'hello');
  t.match(agent.value('door'), { how: 'fetching' });
  t.match(await step(), 'fetch newest');
  t.match(agent.value('door'), { how: 'found', value: { text: 'green', seq: 81 }, others: { length: 0 } });
  t.match(agent.value('bell'), { how: 'none' }, 'that it was unset is known');
  t.match(agent.value('gate'), { how: 'fetching' });
  t.match(agent.value('never set'), { how: 'fetching' });
  t.strictSame(await found('door blue bell'), ['door: green']);
  const appended = agent.append({ kind: 'value', key: 'gate', text: 'new', source: 'test', actorId: 'agent:ada' });
  await clock.advance(50);
  await appended;
  t.match(agent.value('gate'), { how: 'found', value: { text: 'new' } });
  for (let steps = 0; steps < 100 && (await step()) !== 'nothing'; steps++);
  t.ok(agent.hydrated);
  t.match(agent.value('gate'), { how: 'found', value: { text: 'new' } });
  t.match(agent.value('door'), { how: 'found', value: { text: 'green' } });
  t.match(agent.value('never set'), { how: 'none' });
  const values = (await found('gate old door blue')).filter((text) => /^(gate|door): /.test(text));
  t.strictSame(values.sort(), ['door: green', 'gate: new']);
});
