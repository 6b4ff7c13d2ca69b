import type { Fix, FixOf } from '@blackroad/protocol';
import t from 'tap';
import { fixWithCommands } from './fix-words.ts';
import { invocationOf } from './invocation.ts';

const as = invocationOf({ root: '/p', data: '/d', cwd: '/p', env: {} });
const said = (...fixes: Fix[]) => fixWithCommands([fixes], as);

t.test('where a command does it, the command stands there as it is typed here', async (t) => {
  t.equal(said({ verb: 'uncordon-node', node: 'alice' }), 'bin/fleet --data /d uncordon alice');
  t.equal(said({ verb: 'end-drain', node: 'alice' }), 'bin/fleet --data /d uncordon alice (ends its drain)');
  t.equal(
    said({ verb: 'release-node', node: 'alice' }),
    'release alice when it is one machine again (bin/fleet --data /d nodes release alice)',
  );
  const pull = { verb: 'pull-model', node: 'alice', isAny: false } as const;
  t.equal(said({ ...pull, model: 'qwen2.5:3b' }), 'pull it (bin/fleet --data /d nodes pull alice qwen2.5:3b)');
  t.match(said({ ...pull, model: 'a b' }), /nodes pull alice 'a b'\)$/, 'as a shell takes it');
  t.match(said({ ...pull, isAny: true, model: null }), /^give alice a chat model \(.* nodes pull alice <model>\)$/);
  const join: FixOf<'join-node'> = { verb: 'join-node', why: 'missing', class: 'pi', names: [] };
  t.equal(
    said({ verb: 'bring-back', node: 'alice' }, join),
    'bring alice back, or start one with bin/fleet-node join <token> on a machine of class pi (bin/fleet --data /d join-token create prints the token)',
  );
  t.match(said({ ...join, names: ['zoe', 'yan'] }), /bin\/fleet-node join <token> --name zoe on a machine/);
});
t.test('the rest is said in plain words, and steps one after another', async (t) => {
  const wait: Fix = { verb: 'wait', for: 'capacity', node: 'alice' };
  const edit: Fix = { verb: 'edit-agent', field: 'placement.class', change: 'add', values: ['pi'] };
  t.equal(
    fixWithCommands([[wait], [edit]], as),
    'wait until alice has reported its capacity; then allow class pi: add pi to placement.class',
  );
  t.equal(fixWithCommands([], as), 'that is not known yet');
});
