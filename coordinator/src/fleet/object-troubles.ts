// Troubles of the object store: it cannot be used, or objects are damaged or missing. Pure; the same form as troubles.ts.
import { counted } from '@blackroad/protocol';
import type { View } from '../state/view.ts';
import type { Trouble } from './trouble.ts';

const openObjects = { verb: 'open-objects', label: 'View the objects', role: 'admin' } as const;

export function objectTroubles({ objectStore }: Pick<View, 'objectStore'>): Trouble[] {
  if (!objectStore) return [];
  const { trouble, waiting, unreached, faulty, keepsRemoved } = objectStore;
  const common = { site: null, actions: [openObjects], sinceMs: null } satisfies Partial<Trouble>;
  const troubles: Trouble[] = [];
  if (trouble)
    troubles.push({
      ...common,
      group: 'objects-away',
      kind: 'objects-away',
      severity: 'error',
      sinceMs: trouble.sinceMs,
      title: `The object store cannot be used: ${trouble.text}`.slice(0, 300),
      many: 'object stores cannot be used',
      text: `Files of documents that are there cannot be read, and their parts not written. ${waiting === 0 ? 'Nothing waits to go there.' : `${counted(waiting, 'object')} ${waiting === 1 ? 'waits' : 'wait'} on the disk of the coordinator, or to be removed there.`} It is tried again by itself.`,
    });
  if (unreached > 0)
    troubles.push({
      ...common,
      group: 'objects-unreached',
      kind: 'objects-away',
      severity: 'error',
      title: `${counted(unreached, 'object')} ${unreached === 1 ? 'is' : 'are'} in an object store that is not set`,
      many: 'object stores are not set',
      text: 'Files of documents that are there cannot be read, and their parts not written. Start the coordinator with --objects, and with --objects-home disk to bring them back.',
    });
  if (faulty)
    troubles.push({
      ...common,
      group: 'objects-faulty',
      kind: 'objects-faulty',
      severity: 'error',
      title: `${faulty.count === 1 ? 'An object is' : `${counted(faulty.count, 'object')} are`} damaged or missing`,
      many: 'objects are damaged or missing',
      text: `${faulty.text} Add the document again, or bring the object back from a copy of the store.`,
    });
  if (keepsRemoved)
    troubles.push({
      ...common,
      group: 'objects-kept',
      kind: 'objects-kept',
      severity: 'warning',
      title: 'The object store keeps what is removed from it',
      many: 'object stores keep what is removed',
      text: 'The bucket has versions: documents that were taken back stay in it. Give it a rule that deletes old versions, or switch versions off.',
    });
  return troubles;
}
