// A memory that somebody fetched as a whole: a row of the audit log. Pure.
import { decided, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const noteExport: Decide<'memory-export'> = (view, { by, agent, entries }, nowMs) => {
  const draft = openDraft(view, nowMs);
  noteAudit(draft, by, 'memory-export', { agent, entries });
  return decided(draft);
};
