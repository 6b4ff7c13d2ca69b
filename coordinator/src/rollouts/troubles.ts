// Rollouts that wait for a person: one that a red gate stopped, and one whose next wave needs an approval. Pure.
import type { Trouble } from '../fleet/trouble.ts';
import type { View } from '../state/view.ts';

export function rolloutTroubles(view: View): Trouble[] {
  const troubles: Trouble[] = [];
  for (const { id, text, state, reason, asked, wave } of view.rollouts.values()) {
    const isStopped = state === 'stopped';
    if (!isStopped && !(asked && state === 'running')) continue;
    troubles.push({
      group: `rollout-waits:${id}`,
      kind: 'rollout-waits',
      severity: isStopped ? 'error' : 'info',
      site: null,
      sinceMs: null,
      title: isStopped ? `The rollout of ${text} stopped` : `The rollout of ${text} waits for an approval`,
      many: 'rollouts wait for a person',
      text: isStopped
        ? `${reason}. What has the change keeps it until you go on or roll it back.`
        : `Wave ${wave + 1} is over, and its gates are not red: look at their figures, then approve wave ${wave + 2}.`,
      actions: [{ verb: 'open-rollouts', label: 'Look at it', role: 'viewer' }],
    });
  }
  return troubles;
}
