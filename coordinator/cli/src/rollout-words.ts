// What a person types for a rollout, as its request: what, waves, windows.
import type { RolloutRequest, RolloutWave, RolloutWindow } from '@blackroad/protocol';
import { readLabelChange, readWaves, readWindow, usualWaves } from '@blackroad/protocol/rollout-words';
import { wrongUse } from './verb.ts';

type What = RolloutRequest['what'];

/** `restart`: of a flag, for updates of the operating system alone. */
export function whatOf([kind, ...rest]: readonly string[], restart?: string): What {
  const [first] = rest;
  if (restart !== undefined && kind !== 'os')
    throw wrongUse('--restart goes with os: nothing else that is rolled out restarts machines.');
  if (kind === 'os') {
    if ((first !== 'security' && first !== 'all') || rest.length > 1)
      throw wrongUse(`os: expected security or all, got ${JSON.stringify(rest.join(' '))}.`);
    return { kind, packages: first, restart: restart === 'never' ? 'never' : 'if-needed' };
  }
  if (kind === 'node-agent' && first !== undefined && rest.length === 1) return { kind, version: first };
  if (kind === 'model' && first !== undefined && rest.length === 1) return { kind, model: first };
  if (kind === 'balena' && first !== undefined && rest.length === 1) return { kind, release: first };
  if (kind === 'agents' && rest.length > 0) return { kind: 'agent', change: changeOf(rest) };
  if (kind === 'labels' && rest.length > 0) return { kind: 'configuration', labels: labelsOf(rest) };
  throw wrongUse(
    'Say what is rolled out: node-agent <version>, model <name>, agents <field=value...>, labels <name=value...>, balena <release> or os <security|all>.',
  );
}

const numbers = ['temperature', 'maxTokens', 'contextTokens'] as const;
function changeOf(pairs: readonly string[]): Extract<What, { kind: 'agent' }>['change'] {
  const change: Extract<What, { kind: 'agent' }>['change'] = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const [field, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const figure = numbers.find((name) => name === field);
    if (at > 0 && field === 'model') change.model = value.split(',');
    else if (at > 0 && field === 'instructions') change.instructions = value;
    else if (at > 0 && figure && value.trim() !== '' && Number.isFinite(Number(value))) change[figure] = Number(value);
    else
      throw wrongUse(
        `agents: expected model=<a,b>, instructions=<text>, or a number for ${numbers.join(', ')}; got ${JSON.stringify(pair)}.`,
      );
  }
  return change;
}
function labelsOf(parts: readonly string[]): Extract<What, { kind: 'configuration' }>['labels'] {
  const read = readLabelChange(parts);
  if ('labels' in read) return read.labels;
  throw wrongUse(`labels: expected name=value, or name- to remove it, got ${JSON.stringify(read.unread)}.`);
}

export function wavesOf(text: string): RolloutWave[] {
  const read = readWaves(text);
  if ('waves' in read) return read.waves;
  throw wrongUse(
    `--waves: expected numbers, percents, name=value or names, such as ${usualWaves}, got ${JSON.stringify(read.unread)}.`,
  );
}

export function windowOf(text: string): RolloutWindow {
  const read = readWindow(text);
  if ('window' in read) return read.window;
  throw wrongUse(`--window: expected 22:00-06:00 or "sat,sun 09:00-18:00", got ${JSON.stringify(text)}.`);
}
