// Figures of the objects, for the metrics: where they are, and whether the object store can be used.
import { Counter, Gauge } from 'prom-client';
import type { Objects } from '../objects/objects.ts';
import type { Read } from './metric-read.ts';

export function readObjects(read: Read, objects: Pick<Objects, 'figures'>): void {
  read(Gauge, 'objects', 'Files of documents and other large content, by where they are.', ['place'], (set) => {
    const { disk, store } = objects.figures();
    set({ place: 'disk' }, disk.count);
    set({ place: 'store' }, store.count);
  });
  read(Gauge, 'objects_bytes', 'Bytes of these.', ['place'], (set) => {
    const { disk, store } = objects.figures();
    set({ place: 'disk' }, disk.bytes);
    set({ place: 'store' }, store.bytes);
  });
  read(Gauge, 'object_store_up', '1 while the object store can be used; absent: none is set.', [], (set) => {
    const { where, trouble } = objects.figures();
    if (where !== null) set({}, trouble === null ? 1 : 0);
  });
  read(
    Gauge,
    'objects_waiting',
    'Objects that are not where they belong, and removals that are owed.',
    ['what'],
    (set) => {
      const { where, home, disk, store, removals } = objects.figures();
      set({ what: 'move' }, where === null ? 0 : home === 'store' ? disk.count : store.count);
      set({ what: 'remove' }, removals);
    },
  );
  read(Gauge, 'objects_faulty', 'Objects that are damaged or nowhere.', [], (set) =>
    set({}, objects.figures().faulty.length),
  );
  read(
    Counter,
    'objects_moved_total',
    'Objects that were brought to the store or back, and removed there.',
    ['what'],
    (set) => {
      for (const [what, count] of Object.entries(objects.figures().moved)) set({ what }, count);
    },
  );
}
