import t from 'tap';
import { drainingInWords, isDrained } from './drain-words.ts';

t.test('a draining node never claims more than is known', async (t) => {
  const words = (agents: number, staying: number, onlyHere: number | null) =>
    drainingInWords({ agents, staying, onlyHere });
  t.equal(words(1, 0, 0), 'its agent moves away');
  t.equal(words(2, 0, null), 'its 2 agents move away');
  t.equal(words(2, 2, 0), 'its 2 agents have no other place and stay');
  t.equal(words(3, 1, 0), '2 of its agents move away, 1 has no other place and stays');
  t.equal(words(0, 0, null), 'it is empty; nothing new is placed here');
  t.equal(words(0, 0, 1), 'it is empty, but 1 of its messages and memories is not with the coordinator yet');
  t.equal(words(0, 0, 1200), 'it is empty, but 1,200 of its messages and memories are not with the coordinator yet');
  t.equal(words(0, 0, 0), 'it is empty, and the coordinator has all that it knew: it may be switched off');
  t.ok(isDrained({ agents: 0, staying: 0, onlyHere: 0 }));
  t.ok(isDrained({ agents: 0, staying: 0, onlyHere: null }));
  t.notOk(isDrained({ agents: 0, staying: 0, onlyHere: 1 }));
  t.notOk(isDrained({ agents: 1, staying: 1, onlyHere: 0 }));
});
