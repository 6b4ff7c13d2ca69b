// The memory tools: an agent searches its memories and stores new ones, and keeps values by key, which it reads exactly. Only in its own log.
import {
  FleetError,
  keyOf,
  keyWords,
  maxKeyChars,
  maxMemoryTextBytes,
  maxNodeImportance,
  type Static,
  Type,
} from '@blackroad/protocol';
import type { AgentMemory, Remembered } from '../../memory/agent-memory.ts';
import type { Tool, ToolContext } from '../tool.ts';

const Search = Type.Object({ query: Type.String({ minLength: 1, maxLength: 1000, description: 'What to look for.' }) });
const Save = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 8000, description: 'One fact, in a whole sentence.' }),
  important: Type.Optional(Type.Boolean({ description: 'Prefer it over other memories.' })),
});
const Key = Type.String({ minLength: 1, maxLength: maxKeyChars, description: 'A short name, like "wifi password".' });
const Get = Type.Object({ key: Key });
const SetTo = Type.Object({
  key: Key,
  value: Type.String({ maxLength: 8000, description: 'Replaces the value that is there; empty: there is none then.' }),
});
const found = 8;
const shownChars = 500;
const importance = 0.6;

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
      call: ({ text, important }: Static<typeof Save>) =>
        saved({ kind: 'note', text, importance: important ? maxNodeImportance : importance }, 'Saved.'),
    },
    {
      name: 'memory_get',
      description: 'Read the exact value of a key that was set in your own memory.',
      parameters: Get,
      outside: false,
      call: async ({ key }: Static<typeof Get>) => getWords(memory, key),
    },
    {
      name: 'memory_set',
      description:
        'Set a key of your own memory to an exact value, to be read with memory_get: a name, a number, a state.',
      parameters: SetTo,
      outside: false,
      async call({ key: asked, value }: Static<typeof SetTo>) {
        const key = keyOf(asked);
        if (key === null) return `Not set: a key has ${keyWords}.`;
        const bytes = Buffer.byteLength(value);
        if (bytes > maxMemoryTextBytes)
          return `Not set: a value has at most ${maxMemoryTextBytes} bytes, not ${bytes}.`;
        const before = memory.value(key);
        if (value === '' && before.how === 'none') return `There is no value of "${key}".`;
        return saved({ kind: 'value', key, text: value, importance }, value === '' ? 'Unset.' : 'Set.');
      },
    },
  ];

  async function saved(entry: Omit<Remembered, 'source' | 'actorId'>, done: string): Promise<string> {
    try {
      await memory.append({ ...entry, source: 'tool:memory', actorId: `agent:${agent}` });
      return done;
    } catch (error) {
      if (error instanceof FleetError && error.code === 'fleet-full') return `Not saved: ${error.message}`;
      throw error;
    }
  }
}

function getWords(memory: AgentMemory, asked: string): string {
  const key = keyOf(asked);
  if (key === null) return `There is no such key: one has ${keyWords}.`;
  const looked = memory.value(key);
  if (looked.how === 'fetching')
    return `The value of "${key}" is not known yet: the memory is still on its way to this node. Ask again later.`;
  if (looked.how === 'none') {
    const near = looked.near.map((each) => `"${each}"`).join(', ');
    return `There is no value of "${key}".${near === '' ? '' : ` Keys like it: ${near}.`}`;
  }
  const { value, others } = looked;
  const told = others.map(({ text, actorId }) => {
    const where = `on ${actorId.replace(/^node:/, '')}, while it was away,`;
    return text === '' ? `But ${where} it was unset.` : `But ${where} it was set to: ${text}`;
  });
  return [value?.text ?? `There is no value of "${key}".`, ...told].join('\n');
}
