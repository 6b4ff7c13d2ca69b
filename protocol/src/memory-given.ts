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
import { AgentId, AgentName, Epoch, Fingerprint, Hash, TimeMs } from './ids.ts';
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

/** What of a memory says that it was given. */
export const givenFields = {
  given: Type.Optional(GivenId),
  document: Type.Optional(DocumentPlace),
  mark: Type.Optional(MemoryMark),
};

/** A memory to write, as the coordinator sends it to the node that holds the agent. */
export const GivenMemory = Type.Object({
  given: GivenId,
  kind: Type.OneOf([...givenKinds, 'document', 'withdraw', 'mark', 'summary']),
  text: Type.String({ maxLength: maxMemoryTextBytes }),
  tags: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 32 }),
  importance: Type.Number({ minimum: 0, maximum: 1 }),
  source: Type.String({
    maxLength: 200,
    description: '`person:<key>`: whose key gave it; `document:<id>`; `run:<id>` of a consolidation.',
  }),
  document: Type.Optional(DocumentPlace),
  mark: Type.Optional(MemoryMark),
  derivedFrom: Type.Optional(Type.Array(Hash, { maxItems: maxSummarySources })),
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
const GivenWaits = Type.OneOf(['no-node', 'node-away', 'node-older', 'sent'], {
  description:
    'no-node: the agent is on no node; node-away: its node is not connected; node-older: its node-agent does not know such orders; sent: the node has it and has not said that it is written.',
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
  type: Type.OneOf(['pdf', 'markdown', 'html', 'text']),
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
