// A rollout as a person types it, in a terminal or in the console: waves, windows, labels. Only types are imported, so that a browser need not
// load the validators. `unread`: the part that is none of what was expected.
import type { RolloutWave, RolloutWhat, RolloutWindow } from './rollout.ts';

export const usualWaves = '1,5%,25%,100%';
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Unread = { unread: string };

/** `1,5%,25%,100%`; `ring=canary` is a label, `alice+bob` are names. */
export function readWaves(text: string): { waves: RolloutWave[] } | Unread {
  const waves: RolloutWave[] = [];
  for (const each of text.split(',')) {
    const part = each.trim();
    const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(part)?.[1];
    const at = part.indexOf('=');
    if (percent !== undefined) waves.push({ percent: Number(percent) });
    else if (/^\d+$/.test(part)) waves.push({ count: Number(part) });
    else if (at > 0) waves.push({ labels: { [part.slice(0, at)]: part.slice(at + 1) } });
    else if (/^[a-z0-9-]+(\+[a-z0-9-]+)*$/.test(part)) waves.push({ names: part.split('+') });
    else return { unread: part };
  }
  return { waves };
}

/** `22:00-06:00`, `sat,sun 09:00-18:00`. */
export function readWindow(text: string): { window: RolloutWindow } | Unread {
  const match = /^(?:([a-z,]+) )?(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text.trim());
  const days = match?.[1]?.split(',').map((day) => weekdays.find((known) => known === day));
  if (!match || days?.includes(undefined)) return { unread: text };
  const known = days as RolloutWindow['days'];
  return { window: { from: match[2] as string, to: match[3] as string, ...(known ? { days: known } : {}) } };
}

type LabelChange = Extract<RolloutWhat, { kind: 'configuration' }>['labels'];
/** `ring=a` sets a label, `ring-` removes it. */
export function readLabelChange(parts: readonly string[]): { labels: LabelChange } | Unread {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const part of parts) {
    const at = part.indexOf('=');
    if (at > 0) set[part.slice(0, at)] = part.slice(at + 1);
    else if (at < 0 && part.endsWith('-') && part.length > 1) remove.push(part.slice(0, -1));
    else return { unread: part };
  }
  return {
    labels: {
      ...(Object.keys(set).length > 0 ? { set } : {}),
      ...(remove.length > 0 ? { remove } : {}),
    },
  };
}
