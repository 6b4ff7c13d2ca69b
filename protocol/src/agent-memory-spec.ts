// The part of an agent's spec about its memory.
import { maxConversationTurns, maxMemoriesPerAgent } from './limits.ts';
import { Type } from './typebox.ts';

const closed = { additionalProperties: false };

/** The number that a spec of an older version, which has no such field, stands for. */
export const defaultConversationTurns = 4;

export const AgentMemorySpec = Type.Object(
  {
    recall: Type.Integer({
      minimum: 0,
      maximum: 50,
      default: 5,
      description: 'Memories brought into each prompt; 0: none.',
    }),
    turns: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: maxConversationTurns,
        default: defaultConversationTurns,
        description:
          'Exchanges of the last hour that each prompt begins with, so that it may speak of what was just said; 0: none. Exchanges that triggers began are left out.',
      }),
    ),
    remember: Type.OneOf(['turns', 'tools', 'none'], {
      default: 'turns',
      description: 'turns: every exchange is remembered; tools: only what the agent saves itself.',
    }),
    atMost: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxMemoriesPerAgent,
        description:
          'Memories that it may have, parts of documents among them. Then none is taken until some are erased: what people give is refused, and exchanges are answered but not remembered. Missing: as many as come.',
      }),
    ),
  },
  { ...closed, default: {} },
);
