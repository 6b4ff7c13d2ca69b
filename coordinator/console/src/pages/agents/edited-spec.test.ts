import type { AgentSpec, FixOf } from '@blackroad/protocol';
import t from 'tap';
import { editedSpec } from './edited-spec.ts';

const placement = { class: ['gpu'], site: [], labels: { room: 'attic', rack: '2' }, avoidAgents: ['bob', 'eve'] };
const spec = { name: 'ada', model: ['a', 'b'], placement } as unknown as AgentSpec;
const edit = (
  field: FixOf<'edit-agent'>['field'],
  change: FixOf<'edit-agent'>['change'],
  ...values: FixOf<'edit-agent'>['values']
): FixOf<'edit-agent'> => ({ verb: 'edit-agent', field, change, values });

t.test('the advice is filled in', async (t) => {
  const edited = (...edits: FixOf<'edit-agent'>[]) =>
    editedSpec(
      spec,
      edits.map((each) => [each]),
    );
  t.same(edited(edit('placement.class', 'add', 'pi'))?.placement.class, ['gpu', 'pi']);
  t.same(edited(edit('placement.avoidAgents', 'remove', 'bob'))?.placement.avoidAgents, ['eve']);
  t.same(edited(edit('placement.labels', 'remove', 'rack'))?.placement.labels, { room: 'attic' });
  t.same(edited(edit('placement.simulated', 'set', true))?.placement.simulated, true);
  t.same(edited(edit('model', 'set', 'auto'))?.model, ['auto']);
  t.same(edited(edit('onLoss.policy', 'set', 'replace'))?.onLoss, { policy: 'replace' });
  const both = edited(edit('placement.site', 'add', 'home'), edit('placement.class', 'add', 'pi'));
  t.match(both?.placement, { site: ['home'], class: ['gpu', 'pi'] }, 'every step of it');
  t.same(spec.placement, placement, 'what was given stays');
});
t.test('what a person has to choose, or to do elsewhere, fills nothing in', async (t) => {
  t.equal(editedSpec(spec, []), null);
  t.equal(editedSpec(spec, [[edit('limits.contextTokens', 'lower', 2048)]]), null);
  t.equal(editedSpec(spec, [[{ verb: 'uncordon-node', node: 'alice' }]]), null);
  const ways = [{ verb: 'pull-model' as const, node: 'alice', model: 'x', isAny: false }, edit('model', 'set', 'auto')];
  t.same(editedSpec(spec, [ways])?.model, ['auto'], 'of several ways the one through the spec');
});
