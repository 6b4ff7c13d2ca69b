// The request that is sent, and the answer as it comes.
import t from 'tap';
import { asked, costOf, speedOf, withPiece } from './answer.ts';
import { faultsIn, noSettings, requestOf } from './request.ts';

t.test('a request has what was set, and nothing else', async (t) => {
  t.same(requestOf('auto', noSettings, [], 'Hi'), { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] });
  const tools = [{ type: 'function', function: { name: 'look' } }];
  const settings = {
    system: 'Be brief.',
    temperature: '0',
    maxTokens: '100',
    schema: '{"type": "object"}',
    tools: JSON.stringify(tools),
  };
  const said = [
    { prompt: 'One', answer: 'Two' },
    { prompt: 'Three', answer: '' },
  ];
  t.same(requestOf('small', settings, said, 'Four'), {
    model: 'small',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'Three' },
      { role: 'user', content: 'Four' },
    ],
    temperature: 0,
    max_completion_tokens: 100,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
    tools,
  });
  t.same(
    requestOf('agent/echo', settings, [], 'Hi'),
    { model: 'agent/echo', messages: [{ role: 'user', content: 'Hi' }] },
    'an agent has its own',
  );
});

t.test('a field with a fault says what it expects', async (t) => {
  t.same(faultsIn(noSettings), {});
  t.same(Object.keys(faultsIn({ system: '', temperature: '3', maxTokens: '1.5', schema: '[]', tools: '{}' })), [
    'temperature',
    'maxTokens',
    'schema',
    'tools',
  ]);
  t.same(Object.keys(faultsIn({ ...noSettings, temperature: 'warm', schema: '{', tools: '[{"type": "x"}]' })), [
    'temperature',
    'schema',
    'tools',
  ]);
});

t.test('an answer as it comes, its speed and its cost', async (t) => {
  let answer = withPiece(asked, { kind: 'thought', text: 'Hm' }, 200);
  answer = withPiece(answer, { kind: 'text', text: 'A' }, 300);
  answer = withPiece(answer, { kind: 'text', text: 'b' }, 400);
  answer = withPiece(answer, { kind: 'call', name: 'look', arguments: '{}' }, 450);
  answer = withPiece(answer, { kind: 'end', reason: 'length' }, 500);
  answer = withPiece(answer, { kind: 'usage', promptTokens: 10, completionTokens: 21 }, 500);
  t.match(answer, {
    state: 'writing',
    thought: 'Hm',
    text: 'Ab',
    firstMs: 200,
    isCut: true,
    calls: [{ name: 'look' }],
  });
  t.equal(speedOf(answer), null, 'it goes on');
  t.equal(speedOf({ ...answer, totalMs: 2_200 }), 10);
  t.equal(costOf(answer, 2), 31 * 2e-6);
  t.equal(costOf(asked, 2), 0);
});
