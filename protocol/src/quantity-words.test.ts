import t from 'tap';
import { parametersInWords } from './quantity-words.ts';

t.test('parameters are as many digits as people say', async (t) => {
  t.equal(parametersInWords(0.134515008), '135 million parameters');
  t.equal(parametersInWords(7.615), '7.6 billion parameters');
  t.equal(parametersInWords(70), '70 billion parameters');
});
