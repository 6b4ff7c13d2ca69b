// Conformance of rollouts: their rows are loaded as they were stored, and go together.
import type { Test } from 'tap';
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import { rolloutRow, rolloutSubject } from '../../fixtures/coordinator/rollout-rows.ts';
import type { OpenStore } from '../store.ts';
import { loadedView } from './commit.ts';

export async function rolloutConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('a rollout goes with its subjects, and no other one with it', async (t) => {
    const { store } = await open(t);
    // Each of these ids begins with the one before it.
    const changes = ['r', 'r1', 'r1-2'].flatMap((id): DurableChange[] => [
      { type: 'rollout', row: rolloutRow(id) },
      { type: 'rollout-subject', row: rolloutSubject(id, 'alice', { state: 'told', place: 1 }) },
      { type: 'rollout-subject', row: rolloutSubject(id, 'zoe') },
    ]);
    await store.commit(changes);
    await store.commit([{ type: 'rollout-gone', id: 'r1' }]);
    await store.commit([{ type: 'rollout-subject-gone', rollout: 'r', subject: 'zoe' }]);
    const view = await loadedView(store);
    t.same([...view.rollouts.keys()], ['r', 'r1-2']);
    t.same([...view.rolloutSubjects.keys()].sort(), ['r/alice', 'r1-2/alice', 'r1-2/zoe']);
    t.match(view.rolloutSubjects.get('r/alice'), { state: 'told', place: 1 });
    t.same([...(view.subjectsByRollout.get('r1-2') ?? [])], ['r1-2/alice', 'r1-2/zoe']);
  });
}
