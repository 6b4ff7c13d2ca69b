// Values of a memory: entries that have a key, for what is looked up exactly and not searched. The newest entry that sets a key says its value, and
// an empty text ends it. Both sides ask here which entries set a key, and how such an entry reads as a memory. Pure,
// and without a schema: the console imports it too.
import type { MemoryEntry, MemoryPayload } from './memory.ts';

export const maxKeyChars = 100;
const control = '\\u0000-\\u001f\\u007f-\\u009f';
/** Neither `.` nor `..`, which no path of an address goes through. Its length is bounded beside it. */
export const keyPattern = `^[.]{0,2}[^\\s.${control}]([^${control}]*[^\\s${control}])?$`;
export const keyWords = `1 to ${maxKeyChars} characters, none of them a control character, without spaces at its ends, and not dots alone`;

const form = new RegExp(keyPattern);
/** The key that a person or a model meant; null: it is none. Two ways to write one letter make no two keys. */
export function keyOf(text: string): string | null {
  const key = text.toWellFormed().trim().normalize('NFC');
  return [...key].length <= maxKeyChars && form.test(key) ? key : null;
}

/** Kinds of entries that may have a key. */
const keyedKinds: readonly string[] = ['value', 'merge', 'import'];

type Keyed = Pick<MemoryEntry, 'kind' | 'payload'>;
/** The key that an entry is about, whether or not it says what holds. */
export function keyIn({ kind, payload }: Keyed): string | null {
  return payload?.key !== undefined && keyedKinds.includes(kind) ? payload.key : null;
}
/**
 * The key that an entry sets. What came from a branch sets it only where its writer said so: the log may have had an edit of its own, and both are
 * kept.
 */
export function keySet(entry: Keyed): string | null {
  return entry.kind === 'merge' && entry.payload?.holds !== true ? null : keyIn(entry);
}

/** As it is found by words and by meaning; empty: it ends its key, and is not looked for. */
export const indexedText = ({ key, text }: Pick<MemoryPayload, 'key' | 'text'>): string =>
  key === undefined || text === '' ? text : `${key}: ${text}`;
/** As it is read by an agent, or in a list of what was found. */
export function shownText(entry: Keyed & Pick<MemoryEntry, 'actorId'>): string {
  const text = entry.payload ? indexedText(entry.payload) : '';
  if (keyIn(entry) === null || keySet(entry) !== null) return text;
  return `${text} (set on ${entry.actorId.replace(/^node:/, '')} while it was away)`;
}
/** As the log shows it. */
export function entryText(entry: Keyed & Pick<MemoryEntry, 'actorId'>): string | null {
  const { payload } = entry;
  const isEnd = payload !== null && keyIn(entry) !== null && payload.text === '';
  return payload === null ? null : isEnd ? `${payload.key} is unset` : shownText(entry);
}

const maxOthers = 20;
/** Of entries that do not set their key, the newest first: what each branch said of it last. */
export function lastOfEach<E>(entries: readonly E[], sourceOf: (entry: E) => string): E[] {
  const seen = new Set<string>();
  return entries.filter((entry) => !seen.has(sourceOf(entry)) && seen.add(sourceOf(entry))).slice(0, maxOthers);
}
