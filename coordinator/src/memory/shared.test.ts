// With whom an agent shares its memories: both ways, and only by the same words of both specs.
import type { MemoryHit, MemoryUp } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import type { Given } from '../state/input.ts';
import { acceptMemory } from './accept.ts';
import { sharedWith } from './shared.ts';

function fleetOf(scopes: Record<string, { scope?: 'own' | 'team' | 'fleet'; team?: string }>): SampleFleet {
  const fleet = new SampleFleet();
  for (const [name, scope] of Object.entries(scopes)) {
    fleet.runs(name, 'alice');
    Object.assign(fleet.agent(name).spec.memory, scope);
  }
  return fleet;
}
const hit = (agent: string, text: string): MemoryHit => ({
  ...{ agent, epoch: 1, seq: 3, hash: 'a'.repeat(64), kind: 'note', actorId: `agent:${agent}`, createdAt: 1, text },
  ...{ tags: [], importance: 0.5, source: 'test', score: 1, found: ['words'] },
});

t.test('a team, the fleet, and nobody', async (t) => {
  const { view } = fleetOf({
    ...{ ada: { scope: 'team', team: 'house' }, bob: { scope: 'team', team: 'house' } },
    ...{ carol: { scope: 'team', team: 'garden' }, dan: { scope: 'fleet' }, eve: { scope: 'fleet' }, fay: {} },
  });
  t.same(sharedWith(view, 'ada'), ['bob']);
  t.same(sharedWith(view, 'carol'), []);
  t.same(sharedWith(view, 'dan'), ['eve']);
  t.same(sharedWith(view, 'fay'), []);
  t.same(sharedWith(view, 'nobody'), []);
});

t.test('the writer alone is answered, with what is shared at that moment, as much as one message holds', async (t) => {
  const fleet = fleetOf({ ada: { scope: 'fleet' }, bob: { scope: 'fleet' }, carol: {} });
  fleet.online('bert');
  const message: MemoryUp = { type: 'recall', epoch: 1, id: '0123abcd', text: 'gate', limit: 5 };
  const ask = (node: string, found: Given<'memory-up'>['found']) =>
    said(
      fleet.decide<'memory-up'>(acceptMemory, {
        ...{ node, agent: 'ada', message, stored: [], missing: [], branch: null },
        ...(found === undefined ? {} : { found }),
      }).messages,
      'memoryDown',
    ).map(({ message }) => message);
  t.match(ask('alice', [hit('bob', 'The code.'), hit('carol', 'Private.'), hit('ada', 'Own.'), hit('gone', 'x')]), [
    { type: 'recalled', id: '0123abcd', memories: [{ agent: 'bob', text: 'The code.', found: ['words'] }] },
  ]);
  t.same(ask('bert', [hit('bob', 'The code.')]), [], 'another node gets nothing');
  t.match(ask('alice', null), [{ memories: { length: 0 }, busy: true }]);
  const large = Array.from({ length: 20 }, () => hit('bob', 'x'.repeat(16_000)));
  const [answer] = ask('alice', large) as { memories?: unknown[] }[];
  t.equal(answer?.memories?.length, 8, 'of 128 KB');
});
