// The codec against arbitrary bytes from a stranger, and the texts of its refusals.
import fc from 'fast-check';
import t from 'tap';
import { topicParams as params } from '../../test/fixtures/protocol/topic-params.ts';
import { AgentSpec } from './agent.ts';
import { decode, encode, withDefaults } from './codec.ts';
import { JoinTokenText, readJoinToken, writeJoinToken } from './enrol.ts';
import { explain, faults } from './faults.ts';
import { WhatIfRequest } from './placement.ts';
import { FleetError, fromProblem, type ProblemCode, problems, toProblem } from './problem.ts';
import { filterOf, parseTopic, type TopicName, topicOf, topicRoot, topics } from './topics.ts';

const names = Object.keys(topics) as TopicName[];
const anyTopic = fc.oneof(
  fc.constantFrom(...names.map((name) => topicOf(name, params))),
  fc.string(),
  fc
    .array(fc.constantFrom('node', 'cmd', 'alice', '', '+', '#', 'state', '__proto__', 'constructor'))
    .map((levels) => [topicRoot, ...levels].join('/')),
);

t.test('decode never throws, whatever the bytes', async () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.anything().map((value) => Buffer.from(JSON.stringify(value) ?? 'undefined')),
    fc.constantFrom('{"__proto__":{"a":1}}', '[[[[[[', '1e999', '"\\ud800"', '\u0000').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(anyTopic, anyBytes, (topic, bytes) => {
      const result = decode(topic, bytes);
      return 'refused' in result ? result.text.length > 0 && result.text.length < 2_000 : result.name in topics;
    }),
    { numRuns: 5_000 },
  );
});

t.test('deep nesting and long names are refused, not fatal', async (t) => {
  const topic = topicOf('nodeState', params);
  const deep = Buffer.from(`${'['.repeat(8_000)}${']'.repeat(8_000)}`);
  t.match(decode(topic, deep), { refused: 'invalid' });
  t.match(decode(topicOf('agentOut', params), deep), { refused: 'invalid', text: /at most 64 levels/ });
  const hidden = Buffer.from(`{"state":"online","boot":"01jq8y2k","extra":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`);
  t.match(decode(topic, hidden), { refused: 'invalid' }, 'also in a field that nobody reads');
  const text = JSON.stringify({ state: 'online', boot: '01jq8y2k', reason: '[{"\\'.repeat(40) });
  t.match(decode(topic, Buffer.from(text)), { name: 'nodeState' }, 'brackets in text are text');
  const body = JSON.parse(`{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  t.match(explain(AgentSpec, body), /got /, 'a body over HTTP is described, whatever it holds');
  t.match(decode(`${topicRoot}/${'a/'.repeat(30_000)}`, deep), { refused: 'unknown-topic' });
  t.match(decode(`${topicRoot}/node/${'a'.repeat(60_000)}/nothing`, deep), { refused: 'unknown-topic' });
});

t.test('a message that names another than its topic does is refused', async (t) => {
  const observed = { boot: '01jq8y2k', agent: 'prism', epoch: 1, state: 'ready', model: null };
  const say = (agent: string) =>
    decode(topicOf('agentState', { node: 'alice', agent }), Buffer.from(JSON.stringify(observed)));
  t.match(say('prism'), { name: 'agentState' });
  t.match(say('echo'), { refused: 'invalid', text: 'agentState: agent: expected echo as in the topic, got "prism"' });
  const reply = Buffer.from(JSON.stringify({ command: 'c2', ok: true }));
  t.match(decode(topicOf('reply', { node: 'alice', command: 'c1' }), reply), { refused: 'invalid' });
});

t.test('a topic is parsed back to what it was made of', async () => {
  const level = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.record({ ...Object.fromEntries(Object.keys(params).map((k) => [k, level])) }),
      (name, values) => {
        const parsed = parseTopic(topicOf(name, values));
        const keys = [...topics[name].pattern.matchAll(/\{(\w+)\}/g)].map(([, key]) => key as string);
        return parsed?.name === name && keys.every((key) => parsed.params[key] === values[key]);
      },
    ),
  );
});

t.test('topics and filters', async (t) => {
  t.equal(filterOf('agent/{agent}/ask', {}), 'blackroad/v1/agent/+/ask');
  t.equal(filterOf('cmd/{node}/task', { node: 'alice' }), 'blackroad/v1/cmd/alice/task');
  t.throws(() => topicOf('task', {}), /topic task needs node/);
  for (const topic of ['', 'blackroad/v1', 'blackroad/v1/', 'blackroad/v1/node/+/state', 'blackroad/v1/node/#/state']) {
    t.equal(parseTopic(topic), null, topic);
  }
  t.equal(parseTopic('blackroad/v1/node/alice/state/more'), null);
  t.equal(parseTopic('blackroad/v1/constructor/alice'), null);
});

t.test('no two rows claim one topic', async (t) => {
  for (const name of names) t.equal(parseTopic(topicOf(name, params))?.name, name);
});

t.test('an ask may be bare text, as Home Assistant sends it', async (t) => {
  const ask = (text: string) => decode(topicOf('ask', params), Buffer.from(text));
  t.match(ask('Is the door open?'), { message: { prompt: 'Is the door open?' } });
  t.match(ask('42'), { message: { prompt: '42' } });
  t.match(ask('"quoted"'), { message: { prompt: '"quoted"' } });
  t.match(ask('{"prompt":"JSON","id":"k7"}'), { message: { prompt: 'JSON', id: 'k7' } });
  t.match(ask('{"prompt":7}'), { refused: 'invalid', text: 'ask: prompt: expected string, got 7' });
  t.match(ask('  '), { refused: 'not-json' });
  t.match(ask(''), { refused: 'not-json' });
});

t.test('a refusal names the field, what was expected and what came', async (t) => {
  const spec = { name: 'Echo!', model: [], instructions: 'x' };
  t.match(explain(AgentSpec, withDefaults(AgentSpec, spec)), /^(name|model): expected .*, got ("Echo!"|\[\])$/);
  const found = faults(AgentSpec, withDefaults(AgentSpec, { ...spec, tempreature: 1, memory: { remember: 'all' } }));
  const by = Object.fromEntries(found.map((fault) => [fault.field, fault]));
  t.match(by['memory.remember'], { expected: '"turns" or "tools" or "none"', got: '"all"' });
  t.match(by.tempreature, { expected: 'no field of that name', got: '1' });
  t.match(by.name, { expected: /^a name of lower-case letters/, got: '"Echo!"' });
  t.ok(by.model);
  t.equal(explain(AgentSpec, withDefaults(AgentSpec, { name: 'echo', model: ['auto'], instructions: 'x' })), '');
});

t.test('faults are found for every value that does not fit, and never thrown', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.anything(), (name, value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value) ?? 'null');
      const found = faults(topics[name].schema, plain);
      const fits = !('refused' in decode(topicOf(name, params), Buffer.from(JSON.stringify(plain)))) || name === 'ask';
      return fits ? true : found.length > 0 && found.every(({ field, got }) => field.length > 0 && got.length > 0);
    }),
    { numRuns: 2_000 },
  );
});

t.test('defaults make a short spec whole and change nothing that is said', async (t) => {
  const short = { name: 'echo', model: ['auto'], instructions: 'x', limits: { attempts: 1 } };
  const whole = withDefaults<typeof AgentSpec.properties & Record<string, unknown>>(AgentSpec, short);
  t.match(whole, {
    concurrency: 1,
    limits: { attempts: 1, toolRounds: 6 },
    onLoss: { policy: 'replace' },
    tools: { length: 0 },
  });
  t.same(withDefaults(AgentSpec, whole), whole, 'a second time changes nothing');
  const asked = withDefaults<WhatIfRequest>(WhatIfRequest, { add: [{ spec: short }, 'no spec'] });
  t.same(asked, { add: [{ spec: whole, count: 1 }, 'no spec'], lose: [], drain: [] }, 'also inside lists');
  t.same(short.limits, { attempts: 1 }, 'the given value is untouched');
});

t.test('encode says what the table says', async (t) => {
  const encoded = encode('cancel', { node: 'alice' }, { task: 't1', attempt: 1, reason: 'x' });
  t.same(encoded, {
    topic: 'blackroad/v1/cmd/alice/cancel',
    payload: '{"task":"t1","attempt":1,"reason":"x"}',
    qos: 1,
    retain: false,
  });
});

t.test('problems travel both ways', async (t) => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const problem = toProblem(new FleetError(code, { detail: 'why', retryAfterSeconds: 3 }));
    t.equal(problem.status, problems[code].status);
    t.match(fromProblem(problem), { code, details: { detail: 'why', retryAfterSeconds: 3 } });
  }
  const foreign = fromProblem({ type: 'x', code: 'toString', title: 'Odd', status: 500 });
  t.match(foreign, { code: 'internal', message: 'Odd' }, 'an unknown code, also one that every object has');
});

t.test('a join token is read back, and anything else is not', async (t) => {
  const token = { id: 'a', secret: 'b', url: 'https://pi.local:7443', ca: 'ab'.repeat(32) };
  t.same(readJoinToken(writeJoinToken(token)), token);
  t.same(faults(JoinTokenText, token), []);
  fc.assert(
    fc.property(fc.string(), (text) => {
      readJoinToken(text);
      readJoinToken(`brj1.${text}`);
    }),
  );
  t.equal(readJoinToken('brj2.e30'), null);
  t.equal(readJoinToken('brj1.!!!'), null);
});
