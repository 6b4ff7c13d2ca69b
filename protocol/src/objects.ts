// Where large content of the fleet lies, as people see it.
import { TimeMs } from './ids.ts';
import { type Static, Type } from './typebox.ts';

const Amount = Type.Object({ count: Type.Integer(), bytes: Type.Integer() });

export const ObjectsView = Type.Object({
  store: Type.Nullable(
    Type.String({ description: 'The object store, without keys; null: all is in the data folder.' }),
  ),
  home: Type.OneOf(['store', 'disk'], {
    description: 'Where objects belong: what is elsewhere is being brought there.',
  }),
  onDisk: Type.Object(Amount.properties, { description: 'In the data folder of the coordinator.' }),
  inStore: Type.Object(Amount.properties, { description: 'In the object store alone.' }),
  mostBytes: Type.Integer({ description: 'The most that all of them may have.' }),
  removals: Type.Integer({ description: 'Objects that are still to be removed from the store.' }),
  trouble: Type.Nullable(Type.Object({ text: Type.String(), sinceMs: TimeMs }), {
    description: 'Why the store cannot be used; null: it answered when it was last asked, within five minutes.',
  }),
  faulty: Type.Object(
    { count: Type.Integer(), texts: Type.Array(Type.String(), { maxItems: 20 }) },
    { description: 'Objects that are damaged or nowhere.' },
  ),
  unknown: Type.Object(Amount.properties, {
    description: 'Objects of this fleet in the store that nothing here names, as after a restore; they are left alone.',
  }),
  keepsRemoved: Type.Boolean({ description: 'The bucket was seen to keep versions of what is removed.' }),
});
export type ObjectsView = Static<typeof ObjectsView>;
