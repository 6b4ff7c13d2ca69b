// That a person knows of an alert: one setting with who, when and how large it was then. A grown alert counts as not known.
import { actorOf, maxAlerts } from '@blackroad/protocol';
import { change, decided, noteAudit, openDraft } from '../draft.ts';
import type { Decide } from '../input.ts';
import type { View } from '../view.ts';

const acknowledgedSetting = 'alerts-acknowledged';
interface Acknowledged {
  /** As the audit log names it. */
  by: string;
  atMs: number;
  note: string;
  count: number;
}
export function acknowledgedIn(view: View): Readonly<Record<string, Acknowledged>> {
  return (view.settings.get(acknowledgedSetting) ?? {}) as Record<string, Acknowledged>;
}

export const acknowledge: Decide<'alert-ack'> = (view, { by, id, note, count }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const entries = Object.entries({ ...acknowledgedIn(view), [id]: { by: actorOf(by), atMs: nowMs, note, count } });
  // The oldest go first: their alerts are gone, or they were acknowledged long ago.
  entries.sort(([, a], [, b]) => b.atMs - a.atMs);
  const value = Object.fromEntries(entries.slice(0, maxAlerts));
  change(draft, { type: 'setting', key: acknowledgedSetting, value });
  noteAudit(draft, by, 'alert-ack', { alert: id, note });
  return decided(draft);
};

/** By a person, or by the coordinator when their cause is gone. */
export const unacknowledge: Decide<'alert-unack'> = (view, { by, ids }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const known = acknowledgedIn(view);
  const gone = ids.filter((id) => id in known);
  if (gone.length === 0) return decided(draft);
  const value = Object.fromEntries(Object.entries(known).filter(([id]) => !gone.includes(id)));
  change(draft, { type: 'setting', key: acknowledgedSetting, value });
  if (by.kind !== 'coordinator') for (const alert of gone) noteAudit(draft, by, 'alert-unack', { alert });
  return decided(draft);
};
