// A principal in words: its name in the audit log, and its words for people. Pure, and without the schema: the console imports it too.
import type { Asker } from './principal.ts';

/** A person at the console is named by the key that the session was signed in with. */
export function actorOf({ kind, name }: Pick<Asker, 'kind' | 'name'>): string {
  if (kind === 'coordinator') return 'coordinator';
  return kind === 'session' ? `key:${name}` : `${kind}:${name}`;
}

/** A missing asker: the task was stored before askers were, or a foreign broker does not report who sent it. */
export function askerWords(by: Asker | undefined): string {
  if (!by) return 'not known';
  switch (by.kind) {
    case 'key':
      return `key ${by.name}`;
    case 'session':
      return `${by.name}, signed in to the console`;
    case 'node':
      return `a trigger, on ${by.name}`;
    case 'token':
      return `join token ${by.name}`;
    case 'address':
      return `somebody at ${by.name}`;
    case 'coordinator':
      return by.name === 'coordinator' ? 'the coordinator' : by.name;
    default:
      by.kind satisfies never;
      return (by as Asker).name;
  }
}
