// The store takes writes again. What nodes sent meanwhile was refused and is still with them: under another id of the coordinator
// they say hello anew, and send again what was not acknowledged, as after a restart.
import { change, decided, noteEvent, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { announce } from './tick.ts';

export const storageBack: Decide<'storage-back'> = (
  view,
  { coordinator, awayMs, refused, detail: problem },
  nowMs,
  policy,
) => {
  const draft = openDraft(view, nowMs);
  const seconds = Math.max(1, Math.round(awayMs / 1000));
  noteEvent(draft, 'storage-back', { seconds, problem, refused });
  change(draft, { type: 'renewed', coordinator });
  announce(draft, policy, coordinator);
  return decided(draft);
};
