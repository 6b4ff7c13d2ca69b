import { setImmediate as turn } from 'node:timers/promises';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { Runtime, RuntimeModel } from '../runtimes/runtime.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import { createModelLook, lackingKinds, standOf } from './model-look.ts';

const clock = () => new HandClock();
function runtimeOf(hand: HandClock, kinds: RuntimeModel['kind'][], over: Partial<Runtime> = {}): Runtime {
  const models = kinds.map((kind) => ({ name: `${kind}-model`, kind }));
  return { ...createSimulated({ models, decodeTps: 1, clock: hand, random: seededRandom(1) }), ...over };
}
const names = (look: { served: { model: RuntimeModel }[] }) => look.served.map(({ model }) => model.name);

t.test('a runtime that is slow keeps what it had, for a while; nobody waits for it behind another', async (t) => {
  const hand = clock();
  let isSlow = false;
  const plain = runtimeOf(hand, ['chat']);
  const slow = {
    ...plain,
    models: (signal?: AbortSignal) => (isSlow ? new Promise<never>(() => {}) : plain.models(signal)),
  };
  const quick = runtimeOf(hand, ['embed']);
  const look = createModelLook({ clock: hand, log: silentLog });
  const at = async () => {
    const looking = look([slow, quick]);
    await turn();
    await hand.advance(4000);
    return looking;
  };
  t.strictSame(names(await at()), ['chat-model', 'embed-model']);
  isSlow = true;
  const late = await at();
  t.strictSame(names(late), ['chat-model', 'embed-model'], 'still known');
  t.equal(late.silent.size, 0);
  await hand.advance(120_000);
  const hung = await at();
  t.strictSame(names(hung), ['embed-model'], 'one that hangs serves nobody');
  t.match([...hung.silent.values()], [{ message: /did not list its models within 4 s/ }]);
  isSlow = false;
  t.strictSame(names(await at()), ['chat-model', 'embed-model']);
});

t.test('one that is gone has none at once, and nothing is fetched in its place', async (t) => {
  const hand = clock();
  let error: RuntimeError | null = null;
  const plain = runtimeOf(hand, ['chat']);
  const server = { ...plain, models: () => (error ? Promise.reject(error) : plain.models()) };
  const standIn = runtimeOf(hand, ['chat', 'embed'], { standsIn: true });
  const look = createModelLook({ clock: hand, log: silentLog });
  t.strictSame(names(await look([server, standIn])), ['chat-model', 'embed-model']);
  t.strictSame(standOf([server, standIn], await look([server, standIn])), [
    { kind: 'simulated', label: server.label, standsIn: false, kinds: ['chat'], problem: null, notes: [] },
    { kind: 'simulated', label: server.label, standsIn: true, kinds: ['embed'], problem: null, notes: [] },
  ]);
  error = new RuntimeError('unavailable', 'ECONNREFUSED');
  const away = await look([server, standIn]);
  t.strictSame(names(away), ['embed-model'], 'what stands in takes no place of a server that restarts');
  t.strictSame(lackingKinds(away), []);
  error = new RuntimeError('wrong-key', 'Unauthorized');
  const [stand] = standOf([server], await look([server]));
  t.match(stand, { problem: { code: 'wrong-key', text: 'Unauthorized' }, kinds: { length: 0 } });
});

t.test('what lacks is what no runtime has, the kind that stands in included', async (t) => {
  const hand = clock();
  const look = createModelLook({ clock: hand, log: silentLog });
  const empty = runtimeOf(hand, [], { standsIn: true });
  t.strictSame(lackingKinds(await look([runtimeOf(hand, ['chat']), empty])), ['embed'], 'a server that only chats');
  t.strictSame(lackingKinds(await look([runtimeOf(hand, [])])), ['chat', 'embed']);
  const folder = runtimeOf(hand, ['embed'], { standsIn: true });
  t.strictSame(lackingKinds(await look([runtimeOf(hand, ['chat']), folder])), []);
});
