// The store accepts writes again. Messages of nodes were refused meanwhile and are still in their outboxes: under another id of the
// coordinator the nodes send a hello, and resend what was not acknowledged, as after a restart.
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
