// The node `fleet ask agent` over HTTP, against the real coordinator: what goes on to which output, what the status says, and what becomes of the
// task when the connection breaks or the flow stops.
import type { TaskView } from '@blackroad/protocol';
import t, { type Test } from 'tap';
import { type FakeWork, openApiFleet } from '../../test/fixtures/coordinator/api-fleet.ts';
import { cutProxy } from '../../test/fixtures/cut-proxy.ts';
import { createFlow } from '../../test/fixtures/node-red/flow-stand.ts';
import { freePort } from '../../test/fixtures/ports.ts';
import { until } from '../../test/fixtures/processes.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
const spec = { name: 'greeter', model: ['auto'], instructions: 'Greet.', concurrency: 16 };
await fleet.call('PUT', '/v1/agents/greeter', { body: spec });

interface Given {
  address?: string;
  key?: string;
  config?: object;
}
function deploy(t: Test, { address = fleet.base, key = fleet.keys.operator, config = {} }: Given = {}) {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  flow.add('fleet', 'home', { address }, { key });
  const node = flow.add('fleet ask agent', 'ask', { fleet: 'home', agent: 'greeter', ...config });
  return { flow, node };
}
/** The next task that the node gets is answered by the test. */
function nextWork(): Promise<{ task: string; work: FakeWork }> {
  return new Promise((resolve) => {
    alice.onLease = ({ task }, work) => resolve({ task, work });
  });
}
const says = (text: string) => {
  alice.onLease = (_lease, { end }) => end(text);
};
const tasks = async () => (await fleet.call<TaskView[]>('GET', '/v1/tasks?limit=1000')).body;

t.test('a question goes on as its answer, with all else that the message has', async (t) => {
  says('The kettle is on.');
  const { node } = deploy(t);
  const error = await node.input({ _msgid: 'm1', payload: 'Is the kettle on?', topic: 'kitchen', room: { id: 7 } });
  t.equal(error, undefined);
  const [answer] = node.outOf(0);
  t.match(answer, { _msgid: 'm1', payload: 'The kettle is on.', topic: 'kitchen', room: { id: 7 } });
  t.match(answer?.fleet, { agent: 'greeter', task: String, node: 'alice', seconds: Number, truncated: false });
  t.equal(node.sent.length, 1, 'nothing else is sent');
  t.match(node.lastStatus, /^answered in \d+\.\d s$/);
  const [task] = await tasks();
  t.match(task, { prompt: 'Is the kettle on?', state: 'done', by: { kind: 'key', name: 'operator' } });
});

t.test('the message names agent and time; a number is a question', async (t) => {
  says('yes');
  const { node } = deploy(t, { config: { agent: '' } });
  t.equal(await node.input({ payload: 42, agent: 'greeter', timeout: 7 }), undefined);
  const [task] = await tasks();
  t.match(task, { prompt: '42' });
  t.equal(Math.round(((task?.deadlineMs ?? 0) - (task?.createdMs ?? 0)) / 1000), 7);
});

t.test('pieces go to the second output as they are written, the answer to the first', async (t) => {
  const { node } = deploy(t, { config: { pieces: true } });
  const coming = nextWork();
  const asked = node.input({ payload: 'Count.', room: 'hall' });
  const { work } = await coming;
  work.speak('one ');
  await until('the first piece', async () => node.outOf(1).length === 1);
  t.equal(node.outOf(0).length, 0, 'before the answer is whole');
  work.speak('two', 'gpio');
  await until('the second piece', async () => node.outOf(1).length === 2);
  work.end('one two');
  t.equal(await asked, undefined);
  t.match(node.outOf(1), [
    { payload: 'one ', room: 'hall', fleet: { index: 0, from: 0, text: 'one ', takenBack: false, attempt: 1 } },
    { payload: 'two', room: 'hall', fleet: { index: 1, from: 4, text: 'one two', tool: 'gpio' } },
  ]);
  t.match(node.outOf(0), [{ payload: 'one two', room: 'hall' }]);
});

t.test('what is refused goes to the error output whole, and the status says why', async (t) => {
  const closed = await freePort();
  const cases: [string, Given, object, RegExp, object][] = [
    [
      'an unknown agent',
      {},
      { agent: 'nobody' },
      /^no such agent: nobody$/,
      { kind: 'unknown-agent', code: 'no-such-agent' },
    ],
    [
      'a wrong key',
      { key: `brk_x_${'0'.repeat(64)}` },
      {},
      /^wrong key$/,
      { kind: 'wrong-key', code: 'not-signed-in' },
    ],
    [
      'no permission',
      { key: fleet.keys.viewer },
      {},
      /^no permission$/,
      { kind: 'no-permission', message: /tasks:ask/ },
    ],
    [
      'a coordinator that is away',
      { address: `http://127.0.0.1:${closed}` },
      { timeout: 1 },
      /^coordinator away$/,
      { kind: 'away', message: /not taken within 1 s: .*ECONNREFUSED/ },
    ],
    [
      'no question',
      {},
      { payload: '' },
      /^message cannot be used$/,
      { message: /msg\.payload: expected .* got nothing/ },
    ],
    ['a list', {}, { payload: [1] }, /^message cannot be used$/, { message: /msg\.payload: expected .* got a list/ }],
    [
      'too much',
      {},
      { payload: 'é'.repeat(17_000) },
      /^message/,
      { message: /at most 32 KiB of text, got 34000 bytes/ },
    ],
    [
      'a name that is none',
      {},
      { agent: 'a/#' },
      /^message/,
      { message: /msg\.agent: expected lower-case .* got "a\/#"/ },
    ],
    [
      'a time that is none',
      {},
      { timeout: 'soon' },
      /^message/,
      { message: /timeout: expected seconds, .* got "soon"/ },
    ],
    ['no key', { key: '' }, {}, /^settings are not/, { message: /^Key: expected brk_\.\.\., got nothing/ }],
    [
      'no address',
      { address: 'ftp://x' },
      {},
      /^settings are not/,
      { message: /^Address: expected one like .* got "ftp:\/\/x"/ },
    ],
  ];
  for (const [name, given, more, status, error] of cases) {
    await t.test(name, async (t) => {
      const { node } = deploy(t, given);
      const message = { _msgid: 'm', payload: 'Hello?', topic: 'kept', ...more };
      const said = await node.input(structuredClone(message));
      t.match(said?.message, (error as { message?: RegExp }).message ?? /./, 'for nodes of the kind catch');
      t.match(node.sent, [{ output: 2, message: { ...message, error } }]);
      t.equal(node.sent.length, 1);
      t.match(node.lastStatus, status);
      t.equal(node.statuses.at(-1)?.fill, /away/.test(name) ? 'yellow' : 'red');
    });
  }
});

t.test('a wrong key and a coordinator that is away show before any message, and that it is back', async (t) => {
  const wrong = deploy(t, { key: `brk_x_${'0'.repeat(64)}` });
  await until('the status', async () => wrong.node.lastStatus === 'wrong key');
  const proxy = await cutProxy(fleet.port);
  t.teardown(() => proxy.close());
  proxy.be('refused');
  const { node } = deploy(t, { address: `http://127.0.0.1:${proxy.port}` });
  await until('away', async () => node.lastStatus === 'coordinator away');
  proxy.be('open');
  await until('back', async () => node.lastStatus === 'connected');
});

t.test('a task that fails says why', async (t) => {
  alice.onLease = (_lease, { fail }) => fail('the model said nothing');
  const { node } = deploy(t);
  t.match(await node.input({ payload: 'x' }), { message: /task \w+ failed: the model said nothing/ });
  t.match(node.outOf(2), [{ payload: 'x', error: { kind: 'failed', words: 'task failed' } }]);
});

t.test('a question whose time passes is late, and ends at the fleet too', async (t) => {
  alice.onLease = () => {};
  const { node } = deploy(t);
  await node.input({ payload: 'for ever', timeout: 1 });
  t.match(node.outOf(2), [{ error: { kind: 'late', words: 'no answer in time' } }]);
  t.match((await tasks())[0], { prompt: 'for ever', state: /expired|failed|cancelled/ });
});

t.test('a connection that breaks in the middle: one task, one answer', async (t) => {
  const proxy = await cutProxy(fleet.port);
  t.teardown(() => proxy.close());
  const { node } = deploy(t, { address: `http://127.0.0.1:${proxy.port}`, config: { pieces: true } });
  const coming = nextWork();
  const asked = node.input({ payload: 'Through thick and thin' });
  const { work } = await coming;
  work.speak('I am ');
  await until('a piece', async () => node.outOf(1).length === 1);
  proxy.be('refused');
  work.speak('still ');
  proxy.be('open');
  await until('it is followed again', async () => fleet.context.streams.size === 1);
  work.speak('here');
  work.end('I am still here');
  t.equal(await asked, undefined);
  t.match(node.outOf(0), [{ payload: 'I am still here' }]);
  t.equal((await tasks()).filter(({ prompt }) => prompt === 'Through thick and thin').length, 1);
});

t.test('a flow that stops cancels what it asked', async (t) => {
  const { node, flow } = deploy(t);
  const coming = nextWork();
  const asked = node.input({ payload: 'Stop me' });
  const { task } = await coming;
  await flow.stop();
  await asked;
  t.match((await fleet.call<TaskView>('GET', `/v1/tasks/${task}`)).body, { state: 'cancelled' });
  t.match(node.outOf(2), [{ payload: 'Stop me', error: { kind: 'stopped' } }]);
});

t.test('more than it may hold are refused in words', async (t) => {
  alice.onLease = () => {};
  const { node, flow } = deploy(t);
  for (let i = 0; i < 216; i++) void node.input({ payload: `wait ${i}` });
  t.match(node.lastStatus, 'asking (16, 200 waiting)');
  t.match(await node.input({ payload: 'one too many' }), { message: /16 questions .* and 200 wait/ });
  t.match(node.outOf(2), [{ payload: 'one too many', error: { kind: 'full', words: 'queue full' } }]);
  await flow.stop();
  t.equal(node.outOf(2).length, 217, 'none is lost');
  await until('all are cancelled', async () =>
    (await tasks()).every(({ prompt, state }) => !prompt.startsWith('wait') || state === 'cancelled'),
  );
});
