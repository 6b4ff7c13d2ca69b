import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { Commands } from './commands.ts';

function open(restart: (() => void) | null) {
  const said: object[] = [];
  const parts = {
    node: 'alice',
    pool: {} as never,
    blink: () => ({ ok: true, text: '' }),
    restart,
    logLines: () => [],
    transport: { send: (...[, , message]: unknown[]) => said.push(message as object) } as never,
    tellEvent: () => {},
    clock: systemClock,
    stopped: new AbortController().signal,
  };
  return { commands: new Commands(parts), said };
}
const order = { name: 'restart', params: { node: 'alice' }, message: { command: 'c1' } } as const;

t.test('an order to start anew is answered first', async (t) => {
  const ended = new Promise<void>((resolve) => {
    const { commands, said } = open(resolve);
    commands.receive(order);
    t.match(said, [{ command: 'c1', ok: true, text: /alice/ }]);
  });
  await ended;
});

t.test('where nothing would start it again, it goes on and says so', async (t) => {
  const { commands, said } = open(null);
  commands.receive(order);
  t.match(said, [{ ok: false, problem: { code: 'no-restart', retryable: false } }]);
});
