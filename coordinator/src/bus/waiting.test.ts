import t from 'tap';
import type { BusMessage } from './bus.ts';
import { Waiting } from './waiting.ts';

const message = (topic: string, payload: string, retain = false): BusMessage => ({ topic, payload, qos: 1, retain });
function takeAll(waiting: Waiting): string[] {
  const out: string[] = [];
  for (let next = waiting.take(); next; next = waiting.take()) out.push(next.payload);
  return out;
}

t.test('messages wait in order, and no batch by halves', async (t) => {
  const waiting = new Waiting({ messages: 3, bytes: 10 });
  t.ok(waiting.add([message('a', 'one'), message('a', 'two')]));
  t.notOk(waiting.add([message('a', 'x'), message('a', 'y')]), 'too many');
  t.notOk(waiting.add([message('a', '12345')]), 'too large');
  t.same(takeAll(waiting), ['one', 'two']);
  t.ok(waiting.add([message('a', '1234567890')]), 'what was taken has left its room');
});

t.test('of a retained topic the last message waits: a broker that is away for days costs no more', async (t) => {
  const waiting = new Waiting({ messages: 3, bytes: 10 });
  for (let i = 0; i < 100; i++) t.ok(waiting.add([message('state', String(i), true)]));
  t.ok(waiting.add([message('cmd', 'do'), message('other', 'kept', true)]));
  t.ok(waiting.add([message('state', '100', true)]));
  t.same(takeAll(waiting), ['do', 'kept', '100']);
  t.ok(waiting.add([message('state', '1', true), message('state', '2', true)]));
  t.same(takeAll(waiting), ['2']);
});
