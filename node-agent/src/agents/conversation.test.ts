// The exchanges before a question: how many fit, for which model, and which are left out.
import t from 'tap';
import { conversationFor, exchangeOf, isFollowUp, turnText } from './conversation.ts';
import { estimateTokens } from './text.ts';

const texts = (count: number, words = 5) =>
  Array.from({ length: count }, (_, i) => turnText(`question ${i} ${'word '.repeat(words)}`, `answer ${i}`));
const question = { prompt: 'What is the time in Oslo?', alone: false, small: false, budget: 1500 };

t.test('all that fits in a quarter of the room, the last ones first, in their order', async (t) => {
  t.strictSame(
    conversationFor(texts(3), question).map(({ answered }) => answered),
    ['answer 0', 'answer 1', 'answer 2'],
  );
  const kept = conversationFor(texts(40, 30), question);
  t.ok(kept.length > 2 && kept.length < 20);
  t.equal(kept.at(-1)?.answered, 'answer 39');
  const tokens = kept.reduce((sum, { said, answered }) => sum + estimateTokens(said) + estimateTokens(answered), 0);
  t.ok(tokens <= 1500 / 4);
});

t.test('the last exchange is cut rather than left out, in any script', async (t) => {
  for (const word of ['word ', '\u8a9e']) {
    const [only, ...more] = conversationFor([turnText(word.repeat(4000), word.repeat(3000))], question);
    t.same(more, []);
    t.match(only?.said, /\.\.\.$/);
    const tokens = estimateTokens(only!.said) + estimateTokens(only!.answered);
    t.ok(tokens > 50 && tokens <= 1500 / 4, `${tokens} tokens`);
  }
});

t.test('a tiny model gets the last exchange, where the question needs it or nothing else is known', async (t) => {
  const small = { ...question, small: true };
  const count = (over: object) => conversationFor(texts(3), { ...small, ...over }).length;
  t.equal(count({}), 0, 'a question that stands by itself');
  t.equal(count({ alone: true }), 1);
  t.equal(count({ prompt: 'And how long does it take by train from there?' }), 1);
  for (const prompt of [
    'Why?',
    'Thank you!',
    'What did I just say?',
    'What was my last question?',
    'Go on',
    'And Rome?',
  ])
    t.ok(isFollowUp(prompt), prompt);
  for (const prompt of ['How do I boil an egg?', 'Is the garage door open?', 'What can you do on this node?'])
    t.notOk(isFollowUp(prompt), prompt);
});

t.test('an exchange without an answer is none, and thoughts of an older version are no answer', async (t) => {
  t.same(conversationFor([turnText('What is 2+2?', '')], question), []);
  t.same(conversationFor([turnText('What is 2+2?', '<think>hm hm')], question), []);
  t.strictSame(exchangeOf(turnText('What is 2+2?', '<think>4711</think>\n\nFour.')), {
    said: 'What is 2+2?',
    answered: 'Four.',
  });
  t.equal(exchangeOf('The lamp is in the hall.'), null, 'a note is no exchange');
});
