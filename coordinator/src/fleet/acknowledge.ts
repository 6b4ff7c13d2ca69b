// Acknowledgements of alerts: by which person, when, and how large the alert was then. Bounded: beyond the limit the oldest are removed.
import { actorOf, maxAlerts } from '@blackroad/protocol';
import { change, decided, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const acknowledge: Decide<'alert-ack'> = (view, { by, id: alert, note, count }, nowMs) => {
  const draft = openDraft(view, nowMs);
  // The oldest acknowledgements go first: their alerts are over, or a person read them long ago.
  const others = [...view.acknowledged.values()].filter((row) => row.alert !== alert).sort((a, b) => b.atMs - a.atMs);
  for (const { alert: oldest } of others.slice(maxAlerts - 1))
    change(draft, { type: 'acknowledged-gone', alert: oldest });
  change(draft, { type: 'acknowledged', row: { alert, by: actorOf(by), atMs: nowMs, note, count } });
  noteAudit(draft, by, 'alert-ack', { alert, note });
  return decided(draft);
};

/** Called for a person, and for the coordinator when the cause of the alert is gone. */
export const unacknowledge: Decide<'alert-unack'> = (view, { by, ids }, nowMs) => {
  const draft = openDraft(view, nowMs);
  for (const alert of new Set(ids)) {
    if (!view.acknowledged.has(alert)) continue;
    change(draft, { type: 'acknowledged-gone', alert });
    if (by.kind !== 'coordinator') noteAudit(draft, by, 'alert-unack', { alert });
  }
  return decided(draft);
};
