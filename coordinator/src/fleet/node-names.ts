// The id of a node, made from the name that its machine asks for: allowed letters only, and unique.
import { coordinatorName, isSlug, plainLatin } from '@blackroad/protocol';
import type { View } from '../state/view.ts';

/** Names with rights of their own at a broker: in Mosquitto's file the coordinator is a user like any node. */
const reserved: readonly string[] = [coordinatorName, 'admin', 'anonymous'];

/** The name in lower case, with a dash for each run of other characters. */
export function baseName(wanted: string): string {
  const plain = plainLatin(wanted)
    .split('.')[0]
    ?.replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/-+$/, '');
  return plain || 'node';
}
/** The form of the random suffix of an enrolment. */
const isSuffix = /^-[0-9a-f]{4}$/;
/** A name that no node has, with a suffix where needed. */
export function freeName(view: View, wanted: string, suffixes: readonly string[]): string {
  return firstFreeName(wanted, (name) => !view.nodes.has(name), suffixes);
}
/** The same, where other names than those of nodes are taken, too. */
export function firstFreeName(
  wanted: string,
  isLeft: (name: string) => boolean,
  suffixes: readonly string[] = [],
): string {
  const base = baseName(wanted);
  const isFree = (name: string) => isSlug(name) && !reserved.includes(name) && isLeft(name);
  if (isFree(base)) return base;
  for (const suffix of suffixes) {
    const name = `${base}-${suffix}`;
    if (isFree(name)) return name;
  }
  let count = 2;
  while (!isFree(`${base}-${count}`)) count++;
  return `${base}-${count}`;
}

/** Whether this id was made from this name, with or without a suffix. */
export function isNamedAfter(id: string, wanted: string): boolean {
  const base = baseName(wanted);
  return id === base || (id.startsWith(`${base}-`) && isSuffix.test(id.slice(base.length)));
}
