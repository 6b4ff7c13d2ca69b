import t from 'tap';
import { programs, snippetsFor } from './snippets.ts';

t.test('each program gets the address and the key of its reader', async (t) => {
  const ways = { address: 'https://fleet.home:8401', key: 'brk_k_s', model: 'agent/greeter' };
  for (const [program, name] of programs) {
    const all = snippetsFor(program, ways)
      .map(({ code }) => code)
      .join('\n');
    t.match(all, 'https://fleet.home:8401', name);
    t.match(all, 'brk_k_s', name);
  }
});
