// Memories that people give to an agent: single ones, and the parts of documents. The node that holds the agent writes them, as it writes
// all of its memory; until it has, the coordinator keeps them as orders. The id of the order stands in the entry, so that each is written once.

import { MemoryMark } from './consolidation.ts';
import { maxSummarySources } from './consolidation-limits.ts';
import {
  maxDocumentBytes,
  maxDocumentChunks,
  maxDocumentNameChars,
  maxDocumentPages,
  maxGivenPerMessage,
  maxHeadingChars,
} from './document-limits.ts';
import { AgentId, AgentName, Epoch, Fingerprint, Hash, MemoryKey, TimeMs } from './ids.ts';
import { maxMemoryTextBytes } from './limits.ts';
import { givenKinds } from './memory-words.ts';
import { type Static, Type } from './typebox.ts';

export const DocumentId = Type.String({
  pattern: '^[0-9a-z]{1,40}$',
  description: 'Of a document; each addition of a file has its own.',
});
/** `<id>` of a single memory, `<document>.<chunk>` of a part of a document, `<run>.<number>` of what a consolidation found. */
const GivenId = Type.String({ pattern: '^[0-9a-z]{1,40}([.][0-9]{1,6})?$', description: 'The id of the order.' });

/** Where in a document a memory is from. */
export const DocumentPlace = Type.Object(
  {
    id: DocumentId,
    name: Type.String({ maxLength: maxDocumentNameChars, description: 'Of its file.' }),
    chunk: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxDocumentChunks, description: 'Its number in the document, from 1.' }),
    ),
    page: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxDocumentPages, description: 'Where it begins; only a PDF has pages.' }),
    ),
    headings: Type.Optional(
      Type.String({
        maxLength: maxHeadingChars,
        description: 'The headings above it, from the outermost, between " › ".',
      }),
    ),
  },
  {
    description:
      'The part of a document that this memory is. The kind `withdraw` names the document alone: its parts are erased.',
  },
);
export type DocumentPlace = Static<typeof DocumentPlace>;

/** Where an imported memory is from. What the file says is kept as it says it; `isVerified` is what this fleet found. */
export const ImportedFrom = Type.Object(
  {
    id: DocumentId,
    agent: Type.String({ maxLength: 80, description: 'Whose memory it was, as the file says.' }),
    kind: Type.String({ maxLength: 40, description: 'Its kind there, or its `actionType`.' }),
    actorId: Type.String({ maxLength: 80 }),
    atMs: Type.Nullable(TimeMs),
    source: Type.Optional(Type.String({ maxLength: 200 })),
    isVerified: Type.Boolean({ description: 'Whether its hash was recomputed and is that of its content.' }),
  },
  { description: 'Of a memory of the kind `import`. `id`: of the import, by which all of it is taken back.' },
);
export type ImportedFrom = Static<typeof ImportedFrom>;

/** What of a memory says that it was given. */
export const givenFields = {
  given: Type.Optional(GivenId),
  document: Type.Optional(DocumentPlace),
  imported: Type.Optional(ImportedFrom),
  mark: Type.Optional(MemoryMark),
  key: Type.Optional(MemoryKey),
};

/** A memory to write, as the coordinator sends it to the node that holds the agent. */
export const GivenMemory = Type.Object({
  given: GivenId,
  kind: Type.OneOf([...givenKinds, 'document', 'import', 'withdraw', 'mark', 'summary', 'value']),
  text: Type.String({ maxLength: maxMemoryTextBytes }),
  tags: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 32 }),
  importance: Type.Number({ minimum: 0, maximum: 1 }),
  source: Type.String({
    maxLength: 200,
    description: '`person:<key>`: whose key gave it; `document:<id>`; `import:<id>`; `run:<id>` of a consolidation.',
  }),
  document: Type.Optional(DocumentPlace),
  imported: Type.Optional(ImportedFrom),
  mark: Type.Optional(MemoryMark),
  key: Type.Optional(MemoryKey),
  derivedFrom: Type.Optional(
    Type.Array(Hash, {
      maxItems: maxSummarySources,
      description: 'Of an imported one the hash that it had, of a summary those of what it says.',
    }),
  ),
});
export type GivenMemory = Static<typeof GivenMemory>;

export const MemoryGive = Type.Object(
  {
    type: Type.Literal('give'),
    agent: AgentId,
    epoch: Epoch,
    memories: Type.Array(GivenMemory, { maxItems: maxGivenPerMessage }),
  },
  {
    description:
      'Memories that a person gives. Written by the node in this order, each once; the batch that brings them is the answer.',
  },
);
export type MemoryGive = Static<typeof MemoryGive>;

/** Why an order waits. */
export const GivenWaits = Type.OneOf(['no-node', 'node-away', 'node-older', 'sent', 'objects-away'], {
  description:
    'no-node: the agent is on no node; node-away: its node is not connected; node-older: its node-agent does not know such orders; sent: the node has it and has not said that it is written; objects-away: its parts are in the object store, which cannot be used.',
});
export type GivenWaits = Static<typeof GivenWaits>;

const waiting = {
  waits: GivenWaits,
  node: Type.Nullable(Type.String({ description: 'The node that is to write it.' })),
};

export const MemoryAddition = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: maxMemoryTextBytes }),
    kind: Type.Optional(Type.OneOf([...givenKinds], { default: 'note' })),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 60 }), { maxItems: 16 })),
    importance: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Missing: 0.7.' })),
  },
  { additionalProperties: false },
);
export type MemoryAddition = Static<typeof MemoryAddition>;

/** A memory that was given and is not written yet. */
export const WaitingMemory = Type.Object({
  id: Type.String(),
  agent: AgentName,
  kind: Type.String(),
  key: Type.Optional(Type.String({ description: 'Of a value; an empty text ends it.' })),
  text: Type.String(),
  tags: Type.Array(Type.String()),
  importance: Type.Number(),
  by: Type.String({ description: 'The key that gave it.' }),
  givenMs: TimeMs,
  ...waiting,
});
export type WaitingMemory = Static<typeof WaitingMemory>;

/** A document of an agent. */
export const DocumentView = Type.Object({
  id: DocumentId,
  agent: AgentName,
  name: Type.String(),
  type: Type.OneOf(['pdf', 'markdown', 'html', 'text', 'memories'], {
    description: '`memories`: a file of memories that was imported; it is not kept.',
  }),
  sha256: Fingerprint,
  bytes: Type.Integer({ minimum: 0, maximum: maxDocumentBytes }),
  pages: Type.Nullable(Type.Integer({ description: 'Of a PDF.' })),
  emptyPages: Type.Integer({ description: 'Pages without text: pictures of text are not read.' }),
  chunks: Type.Integer({ description: 'Memories that it becomes.' }),
  written: Type.Integer({ description: 'Of these, how many the node has written.' }),
  by: Type.String(),
  addedMs: TimeMs,
  replaces: Type.Nullable(DocumentId),
  removing: Type.Boolean({ description: 'It was deleted, and its node has not erased its parts yet.' }),
  waits: Type.Nullable(GivenWaits),
  node: Type.Nullable(Type.String()),
});
export type DocumentView = Static<typeof DocumentView>;

/** What became of a file. */
export const DocumentAdded = Type.Object({
  document: DocumentView,
  already: Type.Boolean({ description: 'The agent has this very file already: nothing was added.' }),
});
export type DocumentAdded = Static<typeof DocumentAdded>;

/** What became of a file of memories. */
export const MemoryImported = Type.Object({
  format: Type.OneOf(['export', 'journal'], {
    description: '`export`: of `GET /v1/agents/:agent/memory/export`; `journal`: of another system, a hash a line.',
  }),
  of: Type.String({ description: 'Whose memories they are, as the file says.' }),
  entries: Type.Integer({ description: 'Entries that the file has.' }),
  document: Type.Nullable(DocumentView, {
    description: 'The import, and how far it is written. Null: nothing was new.',
  }),
  already: Type.Integer({ description: 'Memories that the agent has already.' }),
  left: Type.Integer({
    description: 'Memories that one import has no room for: import the file again once it is written.',
  }),
  isWhole: Type.Boolean({ description: 'Whether all of the file was recomputed and nothing is wrong with it.' }),
  rule: Type.Nullable(Type.String({ description: 'What the hashes of a journal are made over, where that is known.' })),
  fault: Type.Nullable(Type.String({ description: 'What is wrong with the whole.' })),
  faults: Type.Array(Type.Object({ line: Type.Integer(), text: Type.String() }), {
    description: 'What is wrong with single lines, the first of them.',
  }),
  faultyLines: Type.Integer({ description: 'How many lines something is wrong with.' }),
});
export type MemoryImported = Static<typeof MemoryImported>;
