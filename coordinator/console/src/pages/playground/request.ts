// The request of one side of the playground: its settings as a person types them, and the body that is sent. Pure.
import type { ModelAsk } from '../../data/ask-model.ts';
import { agentIn } from '../../fleet/agent-in.ts';

/** Texts of the fields; empty: the model server's own. */
export interface Settings {
  system: string;
  temperature: string;
  maxTokens: string;
  /** A JSON Schema that the answer must have. */
  schema: string;
  /** The list of tools in the form of OpenAI's API. */
  tools: string;
}
export const noSettings: Settings = { system: '', temperature: '', maxTokens: '', schema: '', tools: '' };
export type Faults = Partial<Record<keyof Settings, string>>;

export function faultsIn({ temperature, maxTokens, schema, tools }: Settings): Faults {
  const faults: Faults = {};
  const warmth = Number(temperature);
  if (temperature !== '' && !(warmth >= 0 && warmth <= 2)) faults.temperature = 'a number from 0 to 2';
  const most = Number(maxTokens);
  if (maxTokens !== '' && !(Number.isInteger(most) && most >= 1 && most <= 1_000_000))
    faults.maxTokens = 'a whole number from 1 to 1,000,000';
  if (schema.trim() !== '' && !isObject(parsed(schema))) faults.schema = 'a JSON Schema: an object in JSON';
  const list = parsed(tools);
  if (tools.trim() !== '' && !(Array.isArray(list) && list.every(isTool)))
    faults.tools = 'a list in JSON of {"type": "function", "function": {"name": ...}}';
  return faults;
}

/** What was asked and answered before, then the prompt. An agent has settings of its own. */
export function requestOf(
  model: string,
  settings: Settings,
  said: readonly { prompt: string; answer: string }[],
  prompt: string,
): ModelAsk {
  const before = said.flatMap(({ prompt, answer }) => [
    { role: 'user' as const, content: prompt },
    ...(answer === '' ? [] : [{ role: 'assistant' as const, content: answer }]),
  ]);
  const messages: ModelAsk['messages'] = [...before, { role: 'user', content: prompt }];
  if (agentIn(model) !== null) return { model, messages };
  const { system, temperature, maxTokens, schema, tools } = settings;
  return {
    model,
    messages: system.trim() === '' ? messages : [{ role: 'system', content: system }, ...messages],
    ...(temperature === '' ? {} : { temperature: Number(temperature) }),
    ...(maxTokens === '' ? {} : { max_completion_tokens: Number(maxTokens) }),
    ...(schema.trim() === ''
      ? {}
      : {
          response_format: {
            type: 'json_schema' as const,
            json_schema: { name: 'answer', schema: parsed(schema) as Record<string, unknown> },
          },
        }),
    ...(tools.trim() === '' ? {} : { tools: parsed(tools) as NonNullable<ModelAsk['tools']> }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTool = (value: unknown) =>
  isObject(value) && value.type === 'function' && isObject(value.function) && typeof value.function.name === 'string';
