// One verb: its words, its flags, its help and its function. The table of all verbs is verbs.ts; help, completion and docs/cli.md are made
// from it.
import { FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Client } from './client.ts';
import type { Invocation } from './invocation.ts';
import type { Paint } from './words.ts';

export interface Flag {
  type: 'string' | 'boolean';
  short?: string;
  value?: string;
  /** All values that are allowed, where the flag is a choice. */
  values?: readonly string[];
  /** The flag may be given more than once: read it with `textsFlag`. */
  many?: true;
  text: string;
}
export interface Verb {
  /** `agents show`; of several verbs that match, the longest wins. */
  words: string;
  /** Arguments after the words: `<agent>`, `[node]`, `<text...>`. */
  args: string;
  text: string;
  flags?: Record<string, Flag>;
  /** The names that completion offers for the first argument. */
  completes?: 'agents' | 'nodes' | 'tasks' | 'models' | 'batches' | 'rollouts' | 'webhooks';
  run(call: VerbCall): Promise<void>;
}
export interface VerbCall {
  args: string[];
  flags: Record<string, string | boolean | string[] | undefined>;
  json: boolean;
  client(): Client;
  /** Prints one value on stdout with --json, otherwise the words. */
  show(value: unknown, words: () => string): void;
  /** Writes directly to the terminal: for streams. */
  write(text: string): void;
  note(text: string): void;
  paint: Paint;
  /** The form in which this project's commands run from this folder: for every printed hint. */
  as: Invocation;
  columns: number;
  clock: Clock;
  signal: AbortSignal;
  root: string;
  /** Data folder of the local fleet. */
  data: string;
  env: Readonly<Record<string, string | undefined>>;
  interactive: boolean;
}

export function wrongUse(detail: string): FleetError {
  return new FleetError('invalid-request', { detail });
}
/** The argument at `index`, or an error that names the missing one. */
export function argument(call: VerbCall, index: number, name: string): string {
  const value = call.args[index];
  if (value === undefined || value === '') throw wrongUse(`${name} is missing.`);
  return value;
}
export function textFlag(call: VerbCall, name: string): string | undefined {
  const value = call.flags[name];
  return typeof value === 'string' ? value : undefined;
}
export function textsFlag(call: VerbCall, name: string): string[] {
  const value = call.flags[name];
  return Array.isArray(value) ? value : [];
}
export function numberFlag(call: VerbCall, name: string): number | undefined {
  const text = textFlag(call, name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number))
    throw wrongUse(`--${name}: expected a number, got ${JSON.stringify(text)}.`);
  return number;
}
/** `90`, `90s`, `10m`, `2h`, `7d` in seconds. */
export function secondsFlag(call: VerbCall, name: string): number | undefined {
  const text = textFlag(call, name);
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)?$/.exec(text);
  if (!match) throw wrongUse(`--${name}: expected a time like 90s, 10m, 2h or 7d, got ${JSON.stringify(text)}.`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] ?? 's']!;
}
/** `room=kitchen,floor=1` as labels. */
export function labelsFlag(call: VerbCall, name: string): Record<string, string> | undefined {
  const text = textFlag(call, name);
  if (text === undefined) return undefined;
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    if (at <= 0) throw wrongUse(`--${name}: expected name=value, got ${JSON.stringify(pair)}.`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
