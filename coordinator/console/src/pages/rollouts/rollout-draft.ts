// The form of a rollout as a person fills it in, and the request that it stands for. What is left empty is left to the coordinator. Pure.
import type { GateName, OsPackages, OsRestart, RolloutRequest } from '@blackroad/protocol';
import { gatesOf } from '@blackroad/protocol/rollout-gates';
import { readLabelChange, readWaves, readWindow, usualWaves } from '@blackroad/protocol/rollout-words';

export type Kind = RolloutRequest['what']['kind'];
export interface Draft {
  kind: Kind;
  /** A version, a model, or labels; of agents these five. */
  what: string;
  models: string;
  instructions: string;
  temperature: string;
  maxTokens: string;
  contextTokens: string;
  waves: string;
  minutes: string;
  approval: NonNullable<RolloutRequest['approval']>;
  names: string;
  class: string;
  site: string;
  labels: string;
  windows: string;
  most: string;
  downgrade: boolean;
  /** Gates that do not stop it. */
  off: readonly GateName[];
  onRed: NonNullable<RolloutRequest['onRed']>;
  note: string;
  /** Of updates of the operating system. */
  packages: OsPackages;
  restart: OsRestart;
}
export const freshDraft: Draft = {
  kind: 'node-agent',
  what: '',
  models: '',
  instructions: '',
  temperature: '',
  maxTokens: '',
  contextTokens: '',
  waves: usualWaves,
  minutes: '10',
  approval: 'none',
  names: '',
  class: '',
  site: '',
  labels: '',
  windows: '',
  most: '',
  downgrade: false,
  off: [],
  onRed: 'roll-back',
  note: '',
  packages: 'security',
  restart: 'if-needed',
};

export const gatesFor = (kind: Kind): readonly GateName[] => gatesOf[kind === 'agent' ? 'agent' : 'node'];

/** What is wrong with a field, in words that name it. */
class DraftFault extends Error {}
/** The request; a text: what is wrong with the draft. */
export function requestOf(draft: Draft): RolloutRequest | string {
  try {
    const { waves, minutes, approval } = draft;
    const onRed = draft.kind === 'os' ? 'stop' : draft.onRed;
    const read = readWaves(waves);
    if ('unread' in read) throw new DraftFault(`Waves: "${read.unread}" is no number, percent, label or name.`);
    const soak = figure('Watched for', minutes, 'minutes, more than 0');
    if (soak === undefined || soak <= 0) throw new DraftFault('Watched for: expected minutes, more than 0.');
    const all = gatesFor(draft.kind);
    const gates = all.filter((gate) => !draft.off.includes(gate));
    return {
      what: whatOf(draft),
      waves: read.waves,
      soakSeconds: Math.round(soak * 60),
      approval,
      onRed,
      ...(gates.length < all.length ? { gates } : {}),
      ...given({
        select: given(selectionOf(draft)),
        windows: listOf(draft.windows, ';').map(windowOf),
        maxUnavailable: figure('At most under way', draft.most, 'a number'),
        downgrade: draft.kind === 'node-agent' && draft.downgrade ? true : undefined,
        note: draft.note.trim() || undefined,
      }),
    };
  } catch (error) {
    if (error instanceof DraftFault) return error.message;
    throw error;
  }
}

function whatOf(draft: Draft): RolloutRequest['what'] {
  const { kind } = draft;
  const what = draft.what.trim();
  if (kind === 'node-agent') return { kind, version: what };
  if (kind === 'model') return { kind, model: what };
  if (kind === 'balena') return { kind, release: what };
  if (kind === 'os') return { kind, packages: draft.packages, restart: draft.restart };
  if (kind === 'configuration') return { kind, labels: labelsOf(what) };
  const change = given({
    model: listOf(draft.models, ','),
    instructions: draft.instructions.trim() || undefined,
    temperature: figure('Temperature', draft.temperature, 'a number'),
    maxTokens: figure('Answer tokens', draft.maxTokens, 'a number'),
    contextTokens: figure('Context tokens', draft.contextTokens, 'a number'),
  });
  if (Object.keys(change).length === 0) throw new DraftFault('A change to agents: fill in what is to change.');
  return { kind, change };
}
function labelsOf(text: string) {
  const read = readLabelChange(listOf(text, ','));
  if ('unread' in read || Object.keys(read.labels).length === 0)
    throw new DraftFault('Labels: expected name=value, or name- to remove it.');
  return read.labels;
}
function selectionOf({ names, class: of, site, labels }: Draft): NonNullable<RolloutRequest['select']> {
  const pairs = listOf(labels, ',').map((each) => {
    const at = each.indexOf('=');
    if (at <= 0) throw new DraftFault(`With these labels: expected name=value, got "${each}".`);
    return [each.slice(0, at), each.slice(at + 1)];
  });
  return {
    names: listOf(names, ','),
    class: of || undefined,
    site: site.trim() || undefined,
    labels: Object.fromEntries(pairs),
  } as NonNullable<RolloutRequest['select']>;
}
function windowOf(text: string) {
  const read = readWindow(text);
  if ('window' in read) return read.window;
  throw new DraftFault(`Hours: expected 22:00-06:00 or sat,sun 09:00-18:00, got "${text}".`);
}
function listOf(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((each) => each.trim())
    .filter(Boolean);
}
function figure(label: string, text: string, expected: string): number | undefined {
  if (text.trim() === '') return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) throw new DraftFault(`${label}: expected ${expected}, got "${text}".`);
  return number;
}
type Given<T> = { [K in keyof T]?: NonNullable<T[K]> };
/** Without what was left empty. */
function given<T extends object>(fields: T): Given<T> {
  const isGiven = (value: unknown) =>
    value !== undefined && (typeof value !== 'object' || value === null || Object.keys(value).length > 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isGiven(value))) as Given<T>;
}
