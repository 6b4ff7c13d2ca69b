import t from 'tap';
import { writingSpeed } from './writing-speed.ts';

const usage = {
  model: 'm',
  promptTokens: 100,
  completionTokens: 21,
  recalled: 0,
  toolCalls: 0,
  firstTokenMs: 9_000,
  totalMs: 10_000,
};

t.test('tokens a second count writing alone, not what came before the first token', async (t) => {
  t.equal(writingSpeed(usage), 20, 'after the first token');
  t.equal(writingSpeed({ ...usage, decodeMs: 2_100 }), 10, 'as measured, thoughts and all');
  t.equal(writingSpeed({ ...usage, completionTokens: 3 }), null, 'too little to tell');
  t.equal(writingSpeed({ ...usage, firstTokenMs: 10_000 }), null);
});
