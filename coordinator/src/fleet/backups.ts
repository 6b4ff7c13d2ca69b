// How backups stand, in the view: the alerts read it, and the end of each is an event. In: what the maker of backups tells. Out: changes. Pure.
import { change, decided, noteEvent, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const learnBackups: Decide<'backup-told'> = (view, { stand, ended }, nowMs) => {
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'backups', stand });
  if (ended && 'problem' in ended) noteEvent(draft, 'backup-failed', { problem: ended.problem.slice(0, 1000) });
  else if (ended) noteEvent(draft, 'backup-made', { ...ended, seconds: Math.round(ended.seconds) });
  return decided(draft);
};
