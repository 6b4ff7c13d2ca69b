// A principal in words: as the audit log names it, and as people read it. Pure, and without the schema: the console has it too.
import type { Principal } from './principal.ts';

/** As the audit log names it. */
export function actorOf({ kind, name }: Pick<Principal, 'kind' | 'name'>): string {
  return kind === 'node' ? `node:${name}` : `key:${name}`;
}

/** For people. Missing: the task is older than this, or a broker that is not ours does not say who sent it. */
export function askerWords(by: Principal | undefined): string {
  if (!by) return 'not known';
  switch (by.kind) {
    case 'key':
      return `key ${by.name}`;
    case 'session':
      return `${by.name}, signed in to the console`;
    case 'node':
      return `a trigger, on ${by.name}`;
    default:
      by.kind satisfies never;
      return (by as Principal).name;
  }
}
