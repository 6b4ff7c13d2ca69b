// Notes made of memories for a tiny model: statements in the third person; no questions, no orders.
import t from 'tap';
import { turnText } from './conversation.ts';
import { notesOf } from './notes.ts';

const recalled = (text: string) => ({
  seq: 1,
  epoch: 1,
  hash: '',
  kind: 'turn',
  text,
  createdAt: 0,
  importance: 0.5,
  score: 1,
});
const noteOf = (said: string, answered = 'Done.') =>
  notesOf([recalled(turnText(said, answered))], 'What is my name?', true);

t.test('an order is no note to remember, nor is what was answered to it', async (t) => {
  const orders = [
    'Write a poem about the sea.',
    'Please turn on the lamp in the hall!',
    'Say hello',
    'Now tell me a joke.',
    'Name a fruit.',
    'OK, summarise the last hour.',
    "Don't use long words. Answer in one sentence.",
    'Set the thermostat to 21 degrees',
  ];
  for (const order of orders) t.same(noteOf(order), [], order);
});

t.test('what was stated stays, beside an order or as one', async (t) => {
  const rows: [string, string][] = [
    ['My name is Ada. Tell me a joke.', "The user's name is Ada."],
    ['Remember that the code of the door is 4711.', 'the code of the door is 4711.'],
    ['Please remember: my dog is called Rex.', "The user's dog is called Rex."],
    ["Don't forget that I live in Oslo.", 'The user lives in Oslo.'],
    ['The garage door is open.', 'The garage door is open.'],
    ['Play is important to me.', 'Play is important to the user.'],
    ['Call me Ada.', 'Call the user Ada.'],
  ];
  for (const [said, note] of rows) t.same(noteOf(said), [note], said);
});

t.test('to a larger model an exchange without an answer says what the user said', async (t) => {
  t.same(notesOf([recalled(turnText('My name is Ada.', ''))], 'Who am I?', false), ['The user said: My name is Ada.']);
});

t.test(
  'a part of a document says where it is from; a tiny model gets the sentences that the question is about',
  async (t) => {
    const text = `Reset\n${'The pump hums while it is warm. '.repeat(12)}Press both buttons for ten seconds. Then let go.`;
    const document = { id: 'd', name: 'manual.pdf', chunk: 4, page: 12, headings: 'Reset' };
    const memory = { ...recalled(text), kind: 'document', document };
    const asked = 'Which buttons do I press?';
    t.same(notesOf([memory], asked, true), [
      'From manual.pdf, page 12: Press both buttons for ten seconds. Then let go.',
    ]);
    t.match(notesOf([memory], asked, false)[0], /^From manual\.pdf, page 12: Reset The pump hums .* Then let go\.$/);
    const { page: _, ...place } = document;
    t.match(notesOf([{ ...memory, document: place }], asked, false)[0], /^From manual\.pdf, Reset: /);
  },
);

t.test('a memory that another agent shares is told as its own', async (t) => {
  const of = (text: string) => ({ ...recalled(text), agent: 'garden' });
  const told = notesOf(
    [of(turnText('The roses are dry.', 'I water them.')), of('Roses need water at noon.')],
    'roses?',
    false,
  );
  t.same(told, [
    'The user said to garden: The roses are dry. garden answered: I water them.',
    'garden remembers: Roses need water at noon.',
  ]);
  const small = notesOf([of(turnText('The roses are dry.', 'I water them.'))], 'roses?', true);
  t.same(small, ['The roses are dry.'], 'what a person stated is so, whoever was told');
});
