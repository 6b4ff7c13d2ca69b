import t from 'tap';
import { harmlessJson, harmlessLine } from './harmless.ts';
import { wordsOf } from './log-words.ts';

const line = (fields: object) =>
  JSON.stringify({ level: 40, time: '2026-11-28T11:54:39.169Z', name: 'node-agent', ...fields });

t.test('a log line as a person reads it', async (t) => {
  let said = '';
  const { write } = wordsOf({ write: (text) => (said += text) });
  write(line({ node: 'alice', err: { message: 'gone', stack: '...' }, msg: 'the connection is down' }));
  t.equal(said, '11:54:39 warn  the connection is down  node=alice err=gone\n');
});

t.test('what forty nodes say at once is said once', async (t) => {
  let said = '';
  const { write } = wordsOf({ write: (text) => (said += text) });
  for (let i = 0; i < 40; i++) write(line({ node: `sim-${i}`, msg: 'the connection is down' }));
  write(line({ msg: 'connected' }));
  t.same(said.split('\n'), [
    '11:54:39 warn  the connection is down  node=sim-0',
    '         ... and 39 more like it',
    '11:54:39 warn  connected',
    '',
  ]);
});

t.test('text of others cannot steer the terminal from a log', async (t) => {
  let said = '';
  wordsOf({ write: (text) => (said += text) }).write(line({ node: 'a\u001b[2Jb\nc', msg: 'x\u202ey' }));
  t.equal(said, '11:54:39 warn  x\ufffdy  node=a\u241b[2Jb\u240ac\n');
  t.equal(harmlessLine('a\tb'), 'a b');
  t.equal(harmlessJson({ a: '\u009b31m\u202e' }), '{"a":"\\u009b31m\\u202e"}');
});
