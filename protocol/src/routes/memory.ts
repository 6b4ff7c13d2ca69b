// Routes of memories: search, the log of an agent, its chain.
import { SignedCheckpoint } from '../checkpoint.ts';
import { MemoryRun, RunAnswer, RunId, RunRequest, RunResult } from '../consolidation.ts';
import { maxDocumentBytes, maxMemoryFileBytes } from '../document-limits.ts';
import { EraseAnswer, EraseRequest, ErasureView } from '../erasure.ts';
import { AgentName, MemoryKey, TimeMs } from '../ids.ts';
import { maxOrdinal, maxPageRows } from '../limits.ts';
import { MemoryEntry, MemoryHit, MemoryKind, MemoryTag, MemoryVectors } from '../memory.ts';
import {
  DocumentAdded,
  DocumentId,
  DocumentView,
  MemoryAddition,
  MemoryImported,
  WaitingMemory,
} from '../memory-given.ts';
import { maxKeyChars } from '../memory-key.ts';
import { MemoryProof } from '../memory-proof.ts';
import { MemoryValue, MemoryValues, ValueToSet } from '../memory-value.ts';
import { Type } from '../typebox.ts';
import { agentParams, page, route } from './row.ts';

const Chain = Type.Object({
  agent: AgentName,
  valid: Type.Boolean(),
  entries: Type.Integer(),
  redacted: Type.Integer(),
  headSeq: Type.Integer(),
  headHash: Type.String(),
  fault: Type.Nullable(Type.Object({ seq: Type.Integer(), text: Type.String() })),
  checkpoint: Type.Optional(
    Type.Object(
      { number: Type.Integer(), entries: Type.Integer() },
      {
        description:
          'The newest signed one, and how many entries it has of this log. Missing: none has it, or an older coordinator.',
      },
    ),
  ),
});

const valueParams = Type.Object({ agent: AgentName, key: MemoryKey });
const documentParams = Type.Object({ agent: AgentName, document: DocumentId });

export const memoryRoutes = {
  memorySearch: route({
    method: 'GET',
    path: '/v1/memory/search',
    needs: 'memory:read',
    text: 'Searches memories by words and, where a node has the model that made their vectors, by meaning.',
    query: Type.Object({
      q: Type.String({ minLength: 1, maxLength: 500 }),
      agent: Type.Optional(AgentName),
      kind: Type.Optional(MemoryKind),
      tag: Type.Optional(MemoryTag),
      sinceMs: Type.Optional(TimeMs),
      untilMs: Type.Optional(TimeMs),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
    }),
    answer: Type.Array(MemoryHit),
  }),
  memoryVectors: route({
    method: 'GET',
    path: '/v1/memory/vectors',
    needs: 'memory:read',
    text: 'Whether all memories have a vector of one model, by which they are searched by meaning.',
    answer: MemoryVectors,
  }),
  memoryLog: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory',
    needs: 'memory:read',
    text: "An agent's log, oldest first, from after a sequence number.",
    params: agentParams,
    query: Type.Object({
      after: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageRows, default: 100 })),
    }),
    answer: Type.Array(MemoryEntry),
  }),
  memoryVerify: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/verify',
    needs: 'memory:read',
    text: 'Recomputes the whole chain, and the root of the newest signed checkpoint over it.',
    params: agentParams,
    answer: Chain,
  }),
  memoryExport: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/export',
    needs: 'memory:read',
    text: 'The whole memory of an agent as one file of JSON Lines: a head, then every entry with its content. Whoever has it can recompute it.',
    params: agentParams,
  }),
  memoryImport: route({
    method: 'POST',
    path: '/v1/agents/:agent/memory/import',
    needs: 'memory:write',
    text: 'Gives an agent the memories of a `file` that was exported, or of a JSONL journal with a hash chain. Its node writes them as memories of the kind `import`, each once, in whatever files it comes.',
    params: agentParams,
    bodyBytes: maxMemoryFileBytes + 64 * 1024,
    form: true,
    answer: MemoryImported,
  }),
  memoryProof: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/:seq/proof',
    needs: 'memory:read',
    text: 'The proof that an entry is under a signed checkpoint; docs/verify.md says how anybody checks it.',
    params: Type.Object({ agent: AgentName, seq: Type.Integer({ minimum: 1, maximum: maxOrdinal }) }),
    answer: MemoryProof,
  }),
  memoryErase: route({
    method: 'POST',
    path: '/v1/agents/:agent/memory/erase',
    needs: 'memory:erase',
    text: 'Erases memories for good, with all that was made of them, on every node that has them; `dryRun` only shows which.',
    params: agentParams,
    body: EraseRequest,
    answer: EraseAnswer,
  }),
  memoryErasures: route({
    method: 'GET',
    path: '/v1/memory/erasures',
    needs: 'memory:read',
    text: 'Erasures, newest first, and the nodes that have not confirmed them.',
    query: Type.Object({
      owed: Type.Optional(Type.Boolean({ description: 'Only those that a node has not confirmed.' })),
      limit: page.limit,
    }),
    answer: Type.Array(ErasureView),
  }),
  memoryCheckpoints: route({
    method: 'GET',
    path: '/v1/memory/checkpoints',
    needs: 'memory:read',
    text: 'Signed checkpoints, newest first.',
    query: Type.Object({ limit: page.limit }),
    answer: Type.Array(SignedCheckpoint),
  }),
  memoryCheckpoint: route({
    method: 'POST',
    path: '/v1/memory/checkpoints',
    needs: 'memory:erase',
    text: 'Makes a signed checkpoint now, where a memory grew since the last one.',
    answer: Type.Nullable(SignedCheckpoint),
  }),
  memoryAdd: route({
    method: 'POST',
    path: '/v1/agents/:agent/memory',
    needs: 'memory:write',
    text: 'Gives an agent a memory. Its node writes it; until then it waits here.',
    params: agentParams,
    body: MemoryAddition,
    bodyBytes: 64 * 1024,
    answer: WaitingMemory,
    created: true,
  }),
  memoryWaiting: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/waiting',
    needs: 'memory:read',
    text: 'Memories that people gave an agent and that its node has not written yet, the oldest first.',
    params: agentParams,
    answer: Type.Array(WaitingMemory),
  }),
  memoryTakeBack: route({
    method: 'DELETE',
    path: '/v1/agents/:agent/memory/waiting/:memory',
    needs: 'memory:write',
    text: 'Takes such a memory back. What its node has written by then stays.',
    params: Type.Object({ agent: AgentName, memory: Type.String({ maxLength: 40 }) }),
  }),
  memoryValues: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/values',
    needs: 'memory:read',
    text: 'The values that an agent has by key, in the order of the keys, and those that people set and its node has not written yet.',
    params: agentParams,
    query: Type.Object({
      after: Type.Optional(Type.String({ maxLength: maxKeyChars, description: 'Keys after this one.' })),
      limit: page.limit,
    }),
    answer: MemoryValues,
  }),
  memoryValue: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/values/:key',
    needs: 'memory:read',
    text: 'The value of a key, exactly.',
    params: valueParams,
    answer: MemoryValue,
  }),
  memorySet: route({
    method: 'PUT',
    path: '/v1/agents/:agent/memory/values/:key',
    needs: 'memory:write',
    text: 'Sets a value. The node of the agent writes it; until then it waits, and the one before holds.',
    params: valueParams,
    body: ValueToSet,
    bodyBytes: 64 * 1024,
    answer: MemoryValue,
  }),
  memoryUnset: route({
    method: 'DELETE',
    path: '/v1/agents/:agent/memory/values/:key',
    needs: 'memory:write',
    text: 'Ends a key, as the node of the agent writes it. What it had stays in the log until it is erased.',
    params: valueParams,
    answer: MemoryValue,
  }),
  documents: route({
    method: 'GET',
    path: '/v1/agents/:agent/documents',
    needs: 'memory:read',
    text: 'The documents of an agent, the newest first, and how far they are written into its memory.',
    params: agentParams,
    answer: Type.Array(DocumentView),
  }),
  documentAdd: route({
    method: 'POST',
    path: '/v1/agents/:agent/documents',
    needs: 'memory:write',
    text: 'Gives an agent a document: a form with a `file`, a PDF, Markdown, HTML or plain text. Its text is taken out at once; the parts become memories as its node writes them. A file with the name of an earlier one replaces it.',
    params: agentParams,
    bodyBytes: maxDocumentBytes + 64 * 1024,
    form: true,
    answer: DocumentAdded,
    created: true,
  }),
  documentContent: route({
    method: 'GET',
    path: '/v1/agents/:agent/documents/:document',
    needs: 'memory:read',
    text: 'The file itself; with `Range`, a part of it.',
    params: documentParams,
  }),
  documentRemove: route({
    method: 'DELETE',
    path: '/v1/agents/:agent/documents/:document',
    needs: 'memory:write',
    text: 'Takes a document back: its file goes at once, its parts are erased from the memory as its node writes that.',
    params: documentParams,
  }),
  memoryConsolidate: route({
    method: 'POST',
    path: '/v1/agents/:agent/memory/consolidate',
    needs: 'memory:write',
    text: 'Finds what is said twice, what was replaced and what contradicts itself among the newest memories; with a model also summaries. The node writes what was found as entries of their own; `dryRun` only shows it.',
    params: agentParams,
    body: RunRequest,
    answer: RunAnswer,
  }),
  memoryRuns: route({
    method: 'GET',
    path: '/v1/memory/runs',
    needs: 'memory:read',
    text: 'Runs of consolidation that can still be taken back, newest first.',
    query: Type.Object({ agent: Type.Optional(AgentName), limit: page.limit }),
    answer: Type.Array(MemoryRun),
  }),
  memoryRun: route({
    method: 'GET',
    path: '/v1/memory/runs/:run',
    needs: 'memory:read',
    text: 'What a run found.',
    params: Type.Object({ run: RunId }),
    answer: Type.Object({ run: MemoryRun, results: Type.Array(RunResult) }),
  }),
  memoryRunUndo: route({
    method: 'DELETE',
    path: '/v1/memory/runs/:run',
    needs: 'memory:write',
    text: 'Takes a run back: its marks count no more, and its marks and summaries are erased as the node writes that.',
    params: Type.Object({ run: RunId }),
  }),
};
