// Requests of the gateway on a node: pieces, admission, parts, stops, and what becomes of them when the connection breaks.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import {
  type Decoded,
  type ModelAnswer,
  type ModelAnswers,
  type ModelRequest,
  maxPieceChars,
} from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { EmbedBatches } from '../models/embed-batches.ts';
import { createAdmission } from '../runtimes/admission.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { ModelRequests } from './model-requests.ts';

type Chat = (request: ChatRequest, signal: AbortSignal) => AsyncIterable<ChatEvent>;
const usage = { promptTokens: 3, completionTokens: 2, loadMs: 0, prefillMs: 1, decodeMs: 1 };

function rig(chat: Chat, slots = 1) {
  const clock = new HandClock();
  const sent: ModelAnswer[] = [];
  const admission = createAdmission({ slots, queue: 2, clock });
  const model = { name: 'm:latest', contextTokens: 100 };
  const runtime = {
    chat,
    embed: async (_: string, texts: string[]) => texts.map(() => Float32Array.of(0.5, -1)),
  } as unknown as Runtime;
  const isIt = (name: string) => name === 'm' || name === 'm:latest';
  const requests = new ModelRequests({
    node: 'alice',
    pool: {
      find: (name: string) => (isIt(name) ? { model, runtime } : null),
      runtimeFor: (name: string) => (isIt(name) ? runtime : null),
      enter: (name: string, signal: AbortSignal, deadlineMs: number) => admission.enter(name, signal, deadlineMs),
      embeds: new EmbedBatches({ admission, run: (name, texts, signal) => runtime.embed(name, texts, signal), clock }),
      learn: () => {},
    } as never,
    transport: { send: (_: string, __: unknown, message: ModelAnswers) => void sent.push(...message.answers) } as never,
    identity: () => ({}) as never,
    clock,
    log: silentLog,
  });
  const piece = (request: string, at: number, of: number, text: string) =>
    requests.receive({
      name: 'modelRequest',
      params: { node: 'alice' },
      message: { request, at, of, text },
    } as Decoded & {
      name: 'modelRequest';
    });
  const ask = (id: string, given: Partial<ModelRequest> = {}) => {
    const request = {
      kind: 'chat',
      model: 'm',
      leftMs: 60_000,
      waitMs: 5_000,
      messages: [{ role: 'user', content: 'Hi' }],
      ...given,
    };
    const text = JSON.stringify(request);
    const of = Math.ceil(text.length / maxPieceChars);
    for (let at = 0; at < of; at++) piece(id, at, of, text.slice(at * maxPieceChars, (at + 1) * maxPieceChars));
  };
  const stop = (request: string) =>
    requests.receive({ name: 'modelRequestStop', params: { node: 'alice' }, message: { request } } as Decoded & {
      name: 'modelRequestStop';
    });
  const of = (request: string) => sent.filter((each) => each.request === request);
  /** An answer ends in one turn of the event loop, and is sent in the next. */
  const settled = async () => {
    for (let turn = 0; turn < 4; turn++) await clock.advance(0);
  };
  return { clock, sent, requests, piece, ask, stop, of, settled };
}

async function* words(...texts: string[]): AsyncGenerator<ChatEvent> {
  for (const text of texts) yield { type: 'text', text };
  yield { type: 'end', reason: 'stop', usage };
}
/** Says one word, then nothing until it is aborted. */
const hanging = (aborted: string[]): Chat =>
  async function* (request, signal) {
    yield { type: 'text', text: 'well' };
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        aborted.push(request.model);
        reject(new RuntimeError('aborted', 'aborted'));
      }),
    );
  };

t.test('the first piece goes at once, later ones together, the end last', async (t) => {
  const { ask, of, settled, clock } = rig(async function* () {
    yield { type: 'text', text: 'a' };
    await sleep(clock, 1);
    yield { type: 'text', text: 'b' };
    await sleep(clock, 10);
    yield* words('c');
  });
  ask('r1');
  await settled();
  await clock.advance(1);
  await settled();
  t.equal(of('r1').length, 1, 'what comes later waits for more');
  await clock.advance(10);
  await settled();
  t.same(
    of('r1').map(({ seq, events }) => [seq, ...events.map(({ text }) => text)]),
    [
      [0, 'a'],
      [1, 'bc'],
    ],
  );
  t.match(of('r1').at(-1)?.end, { reason: 'stop', usage: { promptTokens: 3, waitMs: 0 } });
  await clock.advance(1000);
  t.equal(of('r1').length, 2, 'and nothing after it');
});

t.test('what somebody waits for takes nothing of other answers along; they gather for their time', async (t) => {
  const { ask, of, sent, settled, clock } = rig(async function* ({ messages }) {
    yield { type: 'text', text: 'first' };
    if (messages[0]?.content !== 'Hi') return yield* words();
    await sleep(clock, 1);
    yield { type: 'text', text: 'more' };
    await sleep(clock, 60_000);
  }, 2);
  ask('long');
  await settled();
  await clock.advance(1);
  await settled();
  ask('short', { messages: [{ role: 'user', content: 'Short' }] });
  await settled();
  t.match(of('short').at(-1)?.end, { reason: 'stop' });
  t.equal(of('long').length, 1);
  await clock.advance(42);
  t.equal(of('long').length, 2);
  t.equal(sent.length, 3);
});

t.test('a request in pieces is put together; a lost piece ends it, a piece of an unknown one is left', async (t) => {
  const { ask, piece, of, settled } = rig(() => words('ok'));
  ask('long', { messages: [{ role: 'user', content: 'x'.repeat(3 * maxPieceChars) }] });
  await settled();
  t.match(of('long').at(-1), { end: { reason: 'stop' } });
  piece('gap', 0, 3, '{');
  piece('gap', 2, 3, '}');
  await settled();
  t.match(of('gap'), [{ end: { problem: { code: 'aborted' } } }]);
  piece('late', 1, 3, '}');
  await settled();
  t.same(of('late'), []);
});

t.test('what is no request is refused in words', async (t) => {
  const { ask, piece, of, settled } = rig(() => words('ok'));
  piece('r1', 0, 1, 'not json');
  await settled();
  t.match(of('r1'), [{ end: { problem: { code: 'bad-request' } } }]);
  ask('r2', { sampling: { temperature: -1 } });
  await settled();
  t.match(of('r2'), [{ end: { problem: { code: 'bad-request', text: /temperature.*expected/ } } }]);
  ask('r3', { model: 'other' });
  await settled();
  t.match(of('r3'), [{ end: { problem: { code: 'unknown-model', text: /serves other/ } } }]);
  ask('r4', { kind: 'complete', prompt: 'Once' });
  await settled();
  t.match(of('r4'), [{ end: { problem: { code: 'unsupported' } } }]);
  piece('r5', 0, 1, `{"tools":${'['.repeat(64)}${']'.repeat(64)}}`);
  await settled();
  t.match(of('r5'), [
    { end: { problem: { code: 'bad-request', text: 'expected at most 64 levels of nesting, got more' } } },
  ]);
});

t.test('the queue of the model bounds it, and a wait has an end', async (t) => {
  const { ask, of, settled, clock } = rig(hanging([]));
  for (const id of ['r1', 'r2', 'r3', 'r4']) ask(id);
  await settled();
  t.match(of('r4'), [{ end: { problem: { code: 'overloaded' } } }], 'one works, two wait');
  await clock.advance(5_000);
  await settled();
  t.match(of('r2'), [{ end: { problem: { code: 'overloaded', text: /waited 5 s/ } } }]);
});

t.test('a stop ends the work without a word; a deadline with one', async (t) => {
  const aborted: string[] = [];
  const { ask, stop, of, settled, clock, requests } = rig(hanging(aborted), 2);
  ask('r1');
  ask('r2', { leftMs: 1_000 });
  await settled();
  stop('r1');
  await settled();
  t.same(aborted, ['m:latest']);
  t.equal(of('r1').length, 1, 'the word before, and no end');
  await clock.advance(1_000);
  await settled();
  t.match(of('r2').at(-1), { end: { problem: { code: 'deadline-passed' } } });
  t.equal(requests.running, 0);
});

t.test('without a connection, or with another coordinator, nobody waits', async (t) => {
  const aborted: string[] = [];
  const { ask, settled, requests } = rig(hanging(aborted), 4);
  requests.askedBy('c1');
  ask('r1');
  await settled();
  requests.askedBy('c1');
  t.equal(aborted.length, 0);
  requests.askedBy('c2');
  await settled();
  t.equal(aborted.length, 1);
  ask('r2');
  await settled();
  requests.disconnected();
  await settled();
  t.equal(aborted.length, 2);
  t.equal(requests.running, 0);
});

t.test('vectors travel as base64 of floats', async (t) => {
  const { ask, of, settled } = rig(() => words());
  ask('r1', { kind: 'embed', texts: ['a', 'b'] });
  await settled();
  const vectors = of('r1').flatMap(({ events }) => events.flatMap(({ vector }) => vector ?? []));
  t.equal(vectors.length, 2);
  t.same([...new Float32Array(new Uint8Array(Buffer.from(vectors[0] as string, 'base64')).buffer)], [0.5, -1]);
});

t.test('a failure of the runtime keeps its code', async (t) => {
  const { ask, of, settled } = rig(async function* () {
    yield { type: 'text', text: 'half' };
    throw new RuntimeError('unavailable', 'the runner was killed');
  });
  ask('r1');
  await settled();
  t.match(of('r1').at(-1)?.end, { problem: { code: 'unavailable', text: 'the runner was killed' } });
});
