// Memories of other agents, which an agent recalls whose spec shares memories: its node asks the coordinator, which has the memories of all.
import { AgentId, AgentName, Epoch, Hash, Seq, TimeMs } from './ids.ts';
import { maxMemoryTextBytes, maxRecalled, maxRecallQuestionChars } from './limits.ts';
import { MemoryEmbedding } from './memory-embedding.ts';
import { DocumentPlace } from './memory-given.ts';
import { type Static, Type } from './typebox.ts';

const RecallId = Type.String({ pattern: '^[0-9a-f]{8,32}$', description: 'Of the question; the answer has it too.' });

export const MemoryRecall = Type.Object(
  {
    type: Type.Literal('recall'),
    epoch: Epoch,
    id: RecallId,
    text: Type.String({ minLength: 1, maxLength: maxRecallQuestionChars }),
    embedding: Type.Optional(MemoryEmbedding),
    limit: Type.Integer({ minimum: 1, maximum: maxRecalled }),
  },
  {
    description:
      'A question of an agent that shares memories, in words and, where its node has an embedding model, as a vector. Said only for such an agent.',
  },
);

const SharedMemory = Type.Object({
  agent: AgentName,
  seq: Seq,
  hash: Hash,
  kind: Type.String({ maxLength: 40 }),
  text: Type.String({ maxLength: maxMemoryTextBytes }),
  createdAt: TimeMs,
  importance: Type.Number({ minimum: 0, maximum: 1 }),
  document: Type.Optional(DocumentPlace),
  found: Type.Array(Type.OneOf(['words', 'meaning']), { maxItems: 2 }),
});
export type SharedMemory = Static<typeof SharedMemory>;

export const MemoryRecalled = Type.Object(
  {
    type: Type.Literal('recalled'),
    agent: AgentId,
    epoch: Epoch,
    id: RecallId,
    memories: Type.Array(SharedMemory, { maxItems: maxRecalled }),
    busy: Type.Optional(Type.Literal(true, { description: 'Too many questions at once: this one was not looked up.' })),
  },
  {
    description:
      'The answer to `recall`: memories of the agents that share with this one, best first, without its own. As many as one message holds.',
  },
);
export type MemoryRecalled = Static<typeof MemoryRecalled>;
