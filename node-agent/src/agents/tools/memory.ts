// The memory tools: an agent searches its memories and stores new ones. Only in its own log.
import { FleetError, maxNodeImportance, type Static, Type } from '@blackroad/protocol';
import type { AgentMemory } from '../../memory/agent-memory.ts';
import type { Tool, ToolContext } from '../tool.ts';

const Search = Type.Object({ query: Type.String({ minLength: 1, maxLength: 1000, description: 'What to look for.' }) });
const Save = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 8000, description: 'One fact, in a whole sentence.' }),
  important: Type.Optional(Type.Boolean({ description: 'Prefer it over other memories.' })),
});
const found = 8;
const shownChars = 500;

export function memoryTools(agent: string, memory: AgentMemory): Tool[] {
  return [
    {
      name: 'memory_search',
      description: 'Search your memory, and what other agents share with you.',
      parameters: Search,
      outside: false,
      async call({ query }: Static<typeof Search>, { signal }: ToolContext) {
        const { memories } = await memory.recall(query, found, signal);
        if (memories.length === 0) return 'Nothing is remembered about that.';
        return memories
          .map(
            ({ text, agent }) =>
              `- ${agent === undefined ? '' : `(of ${agent}) `}${text.slice(0, shownChars).toWellFormed()}`,
          )
          .join('\n');
      },
    },
    {
      name: 'memory_save',
      description: 'Save a fact to your own memory for later.',
      parameters: Save,
      outside: false,
      async call({ text, important }: Static<typeof Save>) {
        const importance = important ? maxNodeImportance : 0.6;
        try {
          await memory.append({ kind: 'note', text, importance, source: 'tool:memory', actorId: `agent:${agent}` });
          return 'Saved.';
        } catch (error) {
          if (error instanceof FleetError && error.code === 'fleet-full') return `Not saved: ${error.message}`;
          throw error;
        }
      },
    },
  ];
}
