// Names inside texts of events.
import t from 'tap';
import { namesIn } from './names-in.ts';

const marked = (...call: Parameters<typeof namesIn>) =>
  namesIn(...call)
    .map(({ text, of }) => (of ? `<${of} ${text}>` : text))
    .join('');
t.test('names are marked where they stand', async (t) => {
  t.equal(marked('prism goes to aria with sim-1b', 'aria', 'prism'), '<agent prism> goes to <node aria> with sim-1b');
});
t.test('one name for both: the agent is named first', async (t) => {
  t.equal(marked('alice goes to alice', 'alice', 'alice'), '<agent alice> goes to <node alice>');
});
t.test('a part of a longer name is none', async (t) => {
  t.equal(marked('pi-10 is lost', 'pi-1', null), '<node pi-1> pi-10 is lost');
});
t.test('what the text leaves out stands before it', async (t) => {
  t.equal(marked('power supply too weak', 'alice', null), '<node alice> power supply too weak');
  t.equal(marked('the coordinator started', null, null), 'the coordinator started');
});
