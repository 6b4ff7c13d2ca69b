// The part of an agent's spec about its memory.
import { AgentTeam } from './ids.ts';
import { maxConversationTurns, maxMemoriesPerAgent, maxRecalled } from './limits.ts';
import { Type } from './typebox.ts';

const closed = { additionalProperties: false };

/** The number that a spec of an older version, which has no such field, stands for. */
export const defaultConversationTurns = 4;

export const AgentMemorySpec = Type.Object(
  {
    recall: Type.Integer({
      minimum: 0,
      maximum: maxRecalled,
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
    scope: Type.Optional(
      Type.OneOf(['own', 'team', 'fleet'], {
        default: 'own',
        description:
          'With whom it shares its memories, both ways: it recalls those of the agents that share with it. team: agents of the same `team`; fleet: all agents whose scope is fleet. What is shared stands in the prompts of the others, on whatever node they are. While the coordinator is away it recalls its own.',
      }),
    ),
    team: Type.Optional(AgentTeam),
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
