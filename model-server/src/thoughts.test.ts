// Thoughts are separated from answers, wherever a stream cuts their tags, with and without the opening tag; text that only resembles a
// thought stays in the answer.
import t from 'tap';
import type { ChatEvent } from './chat.ts';
import { createThoughts, withoutThoughts } from './thoughts.ts';

const usage = { promptTokens: 1, completionTokens: 1, loadMs: 0, prefillMs: 0, decodeMs: 0 };
type Reason = 'stop' | 'length' | 'tool-calls';

async function* stream(pieces: (string | ChatEvent)[], reason: Reason = 'stop'): AsyncGenerator<ChatEvent> {
  for (const piece of pieces) yield typeof piece === 'string' ? { type: 'text', text: piece } : piece;
  yield { type: 'end', reason, usage };
}
/** The remaining answer, the thought, and how often text was withdrawn. */
async function heard(events: AsyncIterable<ChatEvent>) {
  let answer = '';
  let thought = '';
  let retracted = 0;
  let shown = '';
  for await (const event of events) {
    if (event.type === 'text') {
      answer += event.text;
      shown += event.text;
    } else if (event.type === 'thought') thought += event.text;
    else if (event.type === 'retract') {
      answer = '';
      retracted++;
    }
  }
  return { answer, thought: thought.trim(), retracted, shown };
}
const cutBy = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, i * size + size));

const openings = [
  '<think>',
  '<thinking>',
  '<THINK>',
  '<thought>',
  '<thoughts>',
  '<scratchpad>',
  '<mm:think>',
  '<think >',
];
const tags: [open: string, close: string][] = [
  ...[...openings, '<reasoning>', '[THINK]', '\u25c1think\u25b7'].map((open): [string, string] => [
    open,
    open.replace(/^(.)/, '$1/'),
  ]),
  ['<|think|>', '<|/think|>'],
  ['<|channel|>analysis<|message|>', '<|end|><|start|>assistant<|channel|>final<|message|>'],
  ['<|channel>thought', '<channel|>'],
];
for (const [open, close] of tags) {
  t.test(`${open} is cut out wherever the stream cuts it`, async (t) => {
    const text = `${open}\nthe pin is 4711\n${close}\n\nFour.`;
    for (let size = 1; size <= text.length; size++) {
      const told = await heard(createThoughts().apart('m', undefined, stream(cutBy(text, size))));
      t.match(
        told,
        { answer: 'Four.', shown: 'Four.', thought: /^the pin is 4711/, retracted: 0 },
        `pieces of ${size}`,
      );
    }
    t.equal(withoutThoughts(text), 'Four.');
  });
}

t.test('letters that get longer in lower case move no tag', async (t) => {
  const text = '<think>İİİ in İstanbul</think>İ is four.';
  for (let size = 1; size <= text.length; size++) {
    const told = await heard(createThoughts().apart('m', undefined, stream(cutBy(text, size))));
    t.match(told, { answer: 'İ is four.', thought: 'İİİ in İstanbul' }, `pieces of ${size}`);
  }
});

t.test('without the opening tag what was said is taken back, once: the next answer waits', async (t) => {
  const text = 'the pin is 4711\n</think>\n\nFour.';
  for (let size = 1; size <= text.length; size++) {
    const thoughts = createThoughts();
    const ask = (think?: false) => heard(thoughts.apart('m', think, stream(cutBy(text, size))));
    t.match(await ask(), { answer: 'Four.' }, `pieces of ${size}`);
    t.match(await ask(), { answer: 'Four.', shown: 'Four.', retracted: 0, thought: 'the pin is 4711' });
  }
  t.equal(withoutThoughts(text), 'Four.');
});

t.test('a model that was known to begin in a thought and does no more is streamed again', async (t) => {
  const thoughts = createThoughts();
  await heard(thoughts.apart('m', undefined, stream(['hm', '</think>Four.'])));
  t.match(await heard(thoughts.apart('m', undefined, stream(['Fo', 'ur.']))), { answer: 'Four.', thought: '' });
  let first = '';
  for await (const event of thoughts.apart('m', undefined, stream(['Fo', 'ur.']))) {
    if (event.type === 'text') first ||= event.text;
  }
  t.equal(first, 'Fo');
  t.match(
    await heard(thoughts.apart('deepseek-r1:1.5b', undefined, stream(['hm hm'], 'length'))),
    { answer: '', thought: 'hm hm' },
    'known by its name',
  );
  t.match(
    await heard(thoughts.apart('deepseek-r1:1.5b', false, stream(['Four'], 'length'))),
    { answer: 'Four' },
    'told not to think',
  );
});

t.test('an answer that is cut inside a thought is no answer', async (t) => {
  for (const reason of ['length', 'stop'] as const) {
    const told = await heard(createThoughts().apart('m', undefined, stream(['<think>hm ', 'hm hm'], reason)));
    t.match(told, { answer: '', thought: 'hm hm hm' }, reason);
  }
});

t.test('thoughts in a field of their own leave the text alone', async (t) => {
  const thought: ChatEvent = { type: 'thought', text: 'hm' };
  const told = await heard(createThoughts().apart('qwq:32b', undefined, stream([thought, '\n\nFo', 'ur.'], 'length')));
  t.match(told, { answer: 'Four.', thought: 'hm' });
});

t.test('several thoughts, some within the answer', async (t) => {
  const text = '<think>a</think><think>b</think>Two and <think>c</think>two.';
  for (let size = 1; size <= text.length; size++) {
    const told = await heard(createThoughts().apart('m', undefined, stream(cutBy(text, size))));
    t.match(told, { answer: 'Two and two.', thought: 'abc' }, `pieces of ${size}`);
  }
});

t.test('what only speaks of tags is answer', async (t) => {
  const answers = [
    'Write `<think>` before and `</think>` after it.',
    'a < b, </div>, <thi',
    'The tag "<think>" opens, the tag "</think>" closes.',
    'An unclosed <think> in the middle stays.',
    '  leading space',
  ];
  for (const answer of answers) {
    for (const size of [1, 3, answer.length]) {
      t.equal(
        (await heard(createThoughts().apart('m', undefined, stream(cutBy(answer, size))))).answer,
        answer,
        `${answer} in pieces of ${size}`,
      );
    }
  }
});

t.test('tool calls end what waits', async (t) => {
  const calls: ChatEvent = { type: 'tool-calls', calls: [{ id: '1', name: 'x', arguments: {} }] };
  const events = [];
  for await (const event of createThoughts().apart('m', undefined, stream(['Look<', calls], 'tool-calls')))
    events.push(event.type === 'text' ? event.text : event.type);
  t.strictSame(events, ['Look', '<', 'tool-calls', 'end']);
});

t.test('what stands in a block of code is shown, not thought', async (t) => {
  const answers = [
    'Put it so:\n\n```xml\n<think>plan</think>\nanswer\n```\n\nThat is all.',
    '```\n<think>\nplan\n</think>\n```',
    '~~~~ html\n```\n</think>\n~~~\n<think>a</think>\n~~~~\nDone.',
    '1. One:\n    ```\n    <reasoning>x</reasoning>\n    ```\n2. Two.',
    '> ```\n> <think>quoted</think>\n> ```\n',
    '- ```py\n  print("</think>")  # </think>\n  ```',
    'A block that was cut off:\n```\n<think>plan</think>',
  ];
  for (const answer of answers) {
    for (let size = 1; size <= answer.length; size++) {
      const told = await heard(createThoughts().apart('m', undefined, stream(cutBy(answer, size))));
      t.strictSame(told, { answer, thought: '', retracted: 0, shown: answer }, `pieces of ${size}`);
    }
    t.equal(withoutThoughts(answer), answer);
  }
});

t.test('before, behind and between blocks of code a thought is one', async (t) => {
  const code = '```xml\n<think>shown</think>\n```\n';
  const cases: [text: string, answer: string, thought: string][] = [
    [`<think>a</think>${code}`, code, 'a'],
    [`${code}<think>b</think>Done.`, `${code}Done.`, 'b'],
    [`${code}and <think>c</think>\n${code}`, `${code}and \n${code}`, 'c'],
    ['Say ```x``` and <think>d</think>go.', 'Say ```x``` and go.', 'd'],
    ['<think>a\n```\nno end</think>Four.', 'Four.', 'a\n```\nno end'],
    [`hm\n${code}hm</think>Four.`, 'Four.', `hm\n${code}hm`],
    ['```\ncode\n```` \n<think>e</think>Four.', '```\ncode\n```` \nFour.', 'e'],
  ];
  for (const [text, answer, thought] of cases) {
    for (const size of [1, 2, 3, 5, text.length]) {
      const told = await heard(createThoughts().apart('m', undefined, stream(cutBy(text, size))));
      t.equal(told.answer, answer, `${text} in pieces of ${size}`);
      if (told.retracted === 0) t.equal(told.thought, thought);
    }
    t.equal(withoutThoughts(text), answer);
  }
});
