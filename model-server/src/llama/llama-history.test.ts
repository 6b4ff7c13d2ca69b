import t from 'tap';
import { functionsOf, historyOf } from './llama-history.ts';
import { createSlots } from './llama-slots.ts';

t.test('tool calls and their results become part of the model’s own turn', async (t) => {
  const history = historyOf([
    { role: 'system', content: 'You are greeter.' },
    { role: 'user', content: 'Weather in Paris?' },
    { role: 'assistant', content: 'I look.', toolCalls: [{ id: 'a', name: 'weather', arguments: { city: 'Paris' } }] },
    { role: 'tool', content: '21 degrees', toolCallId: 'a' },
  ]);
  t.strictSame(history, [
    { type: 'system', text: 'You are greeter.' },
    { type: 'user', text: 'Weather in Paris?' },
    {
      type: 'model',
      response: ['I look.', { type: 'functionCall', name: 'weather', params: { city: 'Paris' }, result: '21 degrees' }],
    },
  ]);
  t.strictSame(
    historyOf([{ role: 'user', content: 'Hi' }]).at(-1),
    { type: 'model', response: [] },
    'it is the model’s turn',
  );
});

t.test('tools by name', async (t) => {
  const order = {
    op: 'chat',
    model: 'm',
    messages: [],
    tools: [],
    maxTokens: 1,
    sampling: { temperature: 0 },
  } as const;
  t.equal(functionsOf({ ...order, messages: [], tools: [] }), undefined);
  const tools = [{ name: 'now', description: 'The time', parameters: { type: 'object' } }];
  t.strictSame(functionsOf({ ...order, messages: [], tools }), {
    now: { description: 'The time', params: { type: 'object' } },
  });
});

t.test('slots: the last one freed first, an aborted one waited for, a busy one not', async (t) => {
  const slots = createSlots(['a', 'b']);
  const one = new AbortController();
  const two = new AbortController();
  t.equal(await slots.take(one.signal), 'b');
  t.equal(await slots.take(two.signal), 'a');
  await t.rejects(slots.take(new AbortController().signal), { code: 'overloaded', message: 'all 2 slots are busy' });
  one.abort();
  const three = new AbortController();
  const waiting = slots.take(three.signal);
  await t.rejects(slots.take(new AbortController().signal), { code: 'overloaded' }, 'one freed slot serves one');
  slots.give('b', one.signal);
  t.equal(await waiting, 'b');
  slots.give('b', three.signal);
  slots.give('a', two.signal);
  t.equal(await slots.take(new AbortController().signal), 'a');
});
