// BR-MEM/1: the entry, its canonical bytes and hash, and the sync messages. Hash functions are pure and shared by both sides.
// `hash` binds the header, the header binds the payload through a salted commitment: content can be erased, the chain still verifies.
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { AnchoredLog, SignedCheckpoint } from './checkpoint.ts';
import { AgentId, AgentName, Epoch, Hash, NodeId, Seq, TimeMs } from './ids.ts';
import { maxErasedAtOnce, maxMemoryBatchEntries, maxMemoryTextBytes, maxOrdinal, maxTimeMs } from './limits.ts';
import { MemoryEmbedding } from './memory-embedding.ts';
import { givenFields, MemoryGive } from './memory-given.ts';
import { markWays } from './memory-words.ts';
import { ProofPath } from './merkle.ts';
import { MemoryRecall, MemoryRecalled } from './shared-recall.ts';
import { type Static, Type } from './typebox.ts';

/**
 * genesis opens a log; turn is an exchange; note was saved by the agent or a person; migrate opens an epoch on another node; merge adds an
 * entry of a branch to the log; import came from elsewhere; fact and procedure were given by a person; document is a part of a document;
 * withdraw erases the parts of a document, or what a consolidation wrote; mark and summary are what one found; value sets a key or, with an empty
 * text, ends it.
 */
const memoryKinds = [
  'genesis',
  'turn',
  'note',
  'migrate',
  'merge',
  'import',
  'fact',
  'procedure',
  'document',
  'withdraw',
  'mark',
  'summary',
  'value',
] as const;
export const MemoryKind = Type.String({
  pattern: '^[a-z][a-z-]{0,29}$',
  description: `${memoryKinds.join(', ')}; one that a newer node writes is kept as it is and blocks nothing.`,
});

/** The importance of an entry that an agent marks as important; no entry of a node may have more. */
export const maxNodeImportance = 0.9;

export const MemoryTag = Type.String({ minLength: 1, maxLength: 60 });
export const MemoryPayload = Type.Object({
  text: Type.String({ maxLength: maxMemoryTextBytes }),
  tags: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 32 }),
  importance: Type.Number({ minimum: 0, maximum: 1 }),
  source: Type.String({
    maxLength: 200,
    description: 'Where it came from: `task:<id>`, `tool:memory`, `branch:<node>:<epoch>`.',
  }),
  derivedFrom: Type.Array(Hash, { maxItems: 64 }),
  embedding: Type.Nullable(MemoryEmbedding),
  ...givenFields,
  holds: Type.Optional(
    Type.Boolean({
      description:
        'Of a merged entry with a key: whether it sets it, as the log had no edit of its own since the branch began. Missing: it does not.',
    }),
  ),
});
export type MemoryPayload = Static<typeof MemoryPayload>;

export const MemoryHeader = Type.Object({
  agentId: AgentId,
  epoch: Epoch,
  seq: Type.Integer({ minimum: 1 }),
  actorId: Type.String({
    maxLength: 80,
    description:
      'Who wrote it: `agent:<name>` or `node:<id>`; of a merged entry the node that brought it, whatever it said.',
  }),
  kind: MemoryKind,
  createdAt: TimeMs,
  payloadCommitment: Hash,
  previousHash: Hash,
});
export type MemoryHeader = Static<typeof MemoryHeader>;

export const MemoryEntry = Type.Object({
  ...MemoryHeader.properties,
  hash: Hash,
  salt: Type.Nullable(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  payload: Type.Nullable(MemoryPayload),
});
export type MemoryEntry = Static<typeof MemoryEntry>;

/** SHA-256(salt bytes || canonical payload), hex. */
export function commitPayload(salt: string, payload: MemoryPayload): string {
  return createHash('sha256').update(Buffer.from(salt, 'hex')).update(canonicalJson(payload)).digest('hex');
}

/** SHA-256 of the canonical header, hex. */
export function hashHeader(header: MemoryHeader): string {
  const { agentId, epoch, seq, actorId, kind, createdAt, payloadCommitment, previousHash } = header;
  const canonical = canonicalJson({ agentId, epoch, seq, actorId, kind, createdAt, payloadCommitment, previousHash });
  return createHash('sha256').update(canonical).digest('hex');
}

type EntryFault = 'hash' | 'commitment' | 'payload-missing';
/** The fault of one entry by itself, or null. Recomputes both digests; an erased payload (both null) is valid. [INV-chain] */
export function entryFault(entry: MemoryEntry): EntryFault | null {
  if (hashHeader(entry) !== entry.hash) return 'hash';
  if (entry.payload === null && entry.salt === null) return null;
  if (entry.payload === null || entry.salt === null) return 'payload-missing';
  return commitPayload(entry.salt, entry.payload) === entry.payloadCommitment ? null : 'commitment';
}

/** Whether the vector has a direction: one of zeros or of values that are no numbers is similar to nothing and must not be found. */
export function isVector(values: Float32Array): boolean {
  return values.every(Number.isFinite) && values.some((value) => value !== 0);
}
export function encodeVector(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
export function decodeVector(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.byteLength & ~3)));
}

const entries = Type.Array(MemoryEntry, { maxItems: maxMemoryBatchEntries });

/** Which entries of a log that is being fetched come before the rest. */
const EarlyWhich = Type.OneOf(['newest', 'important'], {
  description:
    'newest: the last ones; important: those that a person or the agent itself stored as something to keep, by their importance.',
});

const Erased = Type.Integer({
  minimum: 0,
  maximum: maxOrdinal,
  description:
    'The number of the last erasure of this log that the node has carried out; 0: none. Missing: an older node.',
});

/** Upward, on `node/<id>/memory/<agent>`. */
export const MemoryUp = Type.Union([
  Type.Object(
    {
      type: Type.Literal('hello'),
      epoch: Epoch,
      durableSeq: Seq,
      hash: Hash,
      erased: Type.Optional(Erased),
    },
    { description: 'What this node holds of the log. Also how a node pulls: the answer is what it lacks, or an ack.' },
  ),
  Type.Object(
    {
      type: Type.Literal('fetch'),
      epoch: Epoch,
      which: EarlyWhich,
      before: Type.Integer({ minimum: 1, maximum: maxOrdinal }),
    },
    {
      description:
        'The writer lacks most of the log and wants some entries with lower numbers than `before` first, so that its agent can answer. Said only to a coordinator that knows it (`early` of `entries`).',
    },
  ),
  Type.Object({ type: Type.Literal('batch'), epoch: Epoch, from: Seq, previousHash: Hash, entries }),
  Type.Object(
    {
      type: Type.Literal('drained'),
      epoch: Epoch,
      durableSeq: Seq,
      hash: Hash,
      leaving: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: maxTimeMs,
          description: 'The number in the assignment that asked for it. Missing: an older node, which nobody asked.',
        }),
      ),
    },
    {
      description:
        'The agent that is about to leave this node does nothing more here, and all of its log is committed.',
    },
  ),
  Type.Object(
    { type: Type.Literal('hydrated'), epoch: Epoch, durableSeq: Seq, hash: Hash },
    { description: 'The writer has all of the log, and is offered the branches that wait for it.' },
  ),
  Type.Object(
    {
      type: Type.Literal('branch'),
      epoch: Epoch,
      from: Seq,
      previousHash: Hash,
      entries,
      last: Type.Boolean(),
    },
    { description: 'The tail of a fenced node, kept as a visible branch.' },
  ),
  Type.Object(
    {
      type: Type.Literal('erased'),
      epoch: Epoch,
      upto: Erased,
      stands: Type.Optional(
        Type.Literal(true, {
          description:
            'Said at a connection: the node may have confirmed more before, and was restored from an old copy since.',
        }),
      ),
    },
    { description: 'Nothing of these erasures is left in the files of this node.' },
  ),
  MemoryRecall,
]);
export type MemoryUp = Static<typeof MemoryUp>;

/** Downward, on `cmd/<id>/memory`. */
export const MemoryDown = Type.Union([
  Type.Object({ type: Type.Literal('ack'), agent: AgentId, epoch: Epoch, upto: Seq, hash: Hash }),
  Type.Object({
    type: Type.Literal('nack'),
    agent: AgentId,
    epoch: Epoch,
    reason: Type.OneOf(['gap', 'fork', 'stale-epoch', 'bad-hash', 'unknown-agent']),
    headSeq: Seq,
    headHash: Hash,
    /** The hash of what is refused: the last entry of the batch or branch, or the hello. Missing: an older coordinator. */
    of: Type.Optional(Hash),
    has: Type.Optional(
      Type.Literal(true, {
        description: 'To a hello: the log has the entry that the hello names, and so all before it.',
      }),
    ),
    final: Type.Optional(
      Type.String({
        maxLength: 300,
        description:
          'Why the entries of this message are never taken as they are, in words. A batch comes again as a branch; a branch is set aside ' +
          'on the node. Missing: it may be sent again. A node that does not know the field sends it again after a pause that grows.',
      }),
    ),
  }),
  Type.Object(
    {
      type: Type.Literal('entries'),
      agent: AgentId,
      epoch: Epoch,
      entries,
      headSeq: Seq,
      headHash: Hash,
      early: Type.Optional(
        Type.Literal(true, { description: 'This coordinator answers `fetch`. Missing: an older one.' }),
      ),
    },
    { description: 'Part of what the node lacks; it says hello again until it has all.' },
  ),
  Type.Object(
    {
      type: Type.Literal('early'),
      agent: AgentId,
      epoch: Epoch,
      which: EarlyWhich,
      before: Type.Integer({ minimum: 1, maximum: maxOrdinal }),
      entries,
    },
    {
      description:
        'The answer to `fetch`, in the order of their numbers; the newest ones have no gap. The node searches them until the log itself has come.',
    },
  ),
  Type.Object({ type: Type.Literal('branch-ack'), agent: AgentId, epoch: Epoch, upto: Seq }),
  Type.Object(
    {
      type: Type.Literal('merge'),
      agent: AgentId,
      epoch: Epoch,
      branch: Type.String({ maxLength: 120 }),
      from: NodeId,
      entries,
    },
    { description: 'Additions of a branch for the present writer to append with their provenance.' },
  ),
  Type.Object(
    {
      type: Type.Literal('erase'),
      agent: AgentId,
      number: Type.Integer({ minimum: 1, maximum: maxOrdinal }),
      hashes: Type.Array(Hash, { maxItems: maxErasedAtOnce }),
    },
    {
      description:
        'Erase the content, salt and vector of these entries, wherever they are on this node. They are carried out in the order of their numbers; another one is answered with where the node stands.',
    },
  ),
  Type.Object(
    {
      type: Type.Literal('anchor'),
      agent: AgentId,
      epoch: Epoch,
      log: AnchoredLog,
      path: ProofPath,
      checkpoint: SignedCheckpoint,
    },
    {
      description:
        'The log, as far as it goes, is under a signed root. The node keeps it as evidence, and tells where it contradicts what it holds.',
    },
  ),
  MemoryGive,
  MemoryRecalled,
]);
export type MemoryDown = Static<typeof MemoryDown>;

/** The coordinator's own embedder. */
const MemoryEmbedder = Type.Object({
  state: Type.OneOf(['resting', 'fetching', 'loading', 'ready', 'working', 'failed'], {
    description:
      '`resting`: its process was not started, or ended as nobody asked for a while; `ready`: its model is loaded.',
  }),
  model: Type.String({ description: 'The model that it makes vectors of.' }),
  text: Type.Nullable(Type.String({ description: 'How far a fetch is, or why it cannot make vectors now.' })),
});
export type MemoryEmbedder = Static<typeof MemoryEmbedder>;
/** How a vector store on another machine stands. */
export const VectorStoreStand = Type.Object({
  store: Type.String({ description: 'Its kind and address.' }),
  state: Type.Union(
    [Type.Literal('following'), Type.Literal('filling'), Type.Literal('away'), Type.Literal('refused')],
    {
      description:
        'Whether it is in step with the memories, is being filled, does not answer, or needs a person. But for the first, searches by meaning compare the newest vectors alone.',
    },
  ),
  sinceMs: TimeMs,
  waiting: Type.Integer({ description: 'Vectors that are still to be written there, or removed.' }),
  owed: Type.Integer({ description: 'Erased memories whose vectors it has not confirmed to have removed.' }),
  without: Type.Integer({ description: 'Searches since the start that it gave nothing for in time.' }),
  why: Type.Nullable(Type.String({ description: 'What is wrong with it.' })),
});
export type VectorStoreStand = Static<typeof VectorStoreStand>;

/** How far the coordinator is with a vector of one model for every memory. */
export const MemoryVectors = Type.Object({
  model: Type.Nullable(
    Type.String({ description: 'The model that every memory gets a vector of. Null: no memory has a vector.' }),
  ),
  isChosen: Type.Boolean({ description: 'Whether `--memory-model` names it.' }),
  searched: Type.Nullable(Type.String({ description: 'The model whose vectors a search compares.' })),
  memories: Type.Integer({ description: 'All memories that were ever stored.' }),
  looked: Type.Integer({ description: 'Those of them that were looked at since the start, newest first.' }),
  made: Type.Integer({ description: 'Vectors that were made since the start.' }),
  refused: Type.Integer({ description: 'Texts since the start that the model did not take.' }),
  why: Type.Nullable(Type.String({ description: 'What keeps it from going on now.' })),
  maker: Type.Optional(
    Type.OneOf(['node', 'coordinator', 'nobody'], {
      description:
        'Who makes vectors of questions and of memories without one now: a node that has the model, the coordinator itself, or nobody.',
    }),
  ),
  embedder: Type.Optional(Type.Nullable(MemoryEmbedder)),
  store: Type.Optional(
    Type.Union([VectorStoreStand, Type.Null()], {
      description: 'The vector store of `--vectors`. Null: the embedded index. Missing: an older coordinator.',
    }),
  ),
});
export type MemoryVectors = Static<typeof MemoryVectors>;

/** A found memory, as the API shows it. */
export const MemoryHit = Type.Object({
  agent: AgentName,
  epoch: Epoch,
  seq: Seq,
  hash: Hash,
  kind: MemoryKind,
  actorId: Type.String(),
  createdAt: TimeMs,
  text: Type.String(),
  tags: Type.Array(Type.String()),
  importance: Type.Number(),
  source: Type.String(),
  document: givenFields.document,
  key: Type.Optional(Type.String({ description: 'Of a value. The text is then `key: value`.' })),
  score: Type.Number(),
  marked: Type.Optional(
    Type.Array(Type.Object({ how: Type.OneOf([...markWays]), by: Seq }), {
      description: 'What a consolidation found of it: that entry says the same, replaced it, or contradicts it.',
    }),
  ),
  found: Type.Optional(
    Type.Array(Type.OneOf(['words', 'meaning']), {
      description:
        'By what: it has words of the search, or means something like it. An older coordinator does not say it.',
    }),
  ),
});
export type MemoryHit = Static<typeof MemoryHit>;
