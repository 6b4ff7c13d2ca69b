// Values of an agent's memory as the API shows them: what holds now under a key, what a branch says otherwise, and what waits to be written.
import { AgentName, Epoch, Hash, MemoryKey, Seq, TimeMs } from './ids.ts';
import { maxMemoryTextBytes } from './limits.ts';
import { GivenWaits } from './memory-given.ts';
import { type Static, Type } from './typebox.ts';

const Text = Type.Nullable(Type.String(), { description: 'Null: it was unset.' });

/** An entry of the log that is about a key. */
const ValueEntry = Type.Object({
  text: Text,
  seq: Seq,
  epoch: Epoch,
  hash: Hash,
  kind: Type.String(),
  actorId: Type.String(),
  source: Type.String({ description: 'As of a memory: `person:<key>`, `tool:memory`, `import:<id>`, `branch:<id>`.' }),
  createdAt: TimeMs,
});
export type ValueEntry = Static<typeof ValueEntry>;

export const MemoryValue = Type.Object({
  key: MemoryKey,
  text: Type.Nullable(Type.String(), { description: 'What holds now. Null: nothing does, it only waits or differs.' }),
  entry: Type.Nullable(ValueEntry, { description: 'The entry that says so. Null: none is written yet.' }),
  others: Type.Array(ValueEntry, {
    description:
      'What branches say otherwise, which were written while the log had an edit of its own; the newest first. Setting the key settles it.',
  }),
  waiting: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Of the order, by which it is taken back.' }),
      text: Text,
      by: Type.String(),
      givenMs: TimeMs,
      waits: GivenWaits,
      node: Type.Nullable(Type.String()),
    }),
    { description: 'What people set and the node has not written yet, in its order.' },
  ),
});
export type MemoryValue = Static<typeof MemoryValue>;

export const MemoryValues = Type.Object({
  agent: AgentName,
  values: Type.Array(MemoryValue),
  next: Type.Nullable(Type.String(), { description: 'Ask for the rest with `after`. Null: that is all.' }),
});
export type MemoryValues = Static<typeof MemoryValues>;

export const ValueToSet = Type.Object(
  { text: Type.String({ minLength: 1, maxLength: maxMemoryTextBytes }) },
  { additionalProperties: false },
);
