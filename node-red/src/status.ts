// What the status of a node says: how the fleet stands, or what the last message met.
import type { Stand } from './link.ts';
import type { Status } from './red.ts';
import type { Trouble } from './trouble.ts';

/** A status has room for a few words. */
const maxChars = 60;

export function statusOfStand(stand: Stand): Status {
  if (stand.is === 'trouble') return statusOfTrouble(stand.trouble);
  if (stand.is === 'unknown') return { fill: 'yellow', shape: 'ring', text: 'connecting' };
  return { fill: 'green', shape: 'dot', text: 'connected' };
}
/** `about`: the agent or node that it is about. */
export function statusOfTrouble(trouble: Trouble, about?: string): Status {
  const text = about === undefined ? trouble.words : `${trouble.words}: ${about}`;
  return { fill: trouble.mayPass ? 'yellow' : 'red', shape: trouble.kind === 'away' ? 'ring' : 'dot', text: cut(text) };
}
export const working = (text: string): Status => ({ fill: 'blue', shape: 'dot', text: cut(text) });
export const well = (text: string): Status => ({ fill: 'green', shape: 'dot', text: cut(text) });

const cut = (text: string) => (text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text);
