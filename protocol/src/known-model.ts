// A model of the catalogue: its facts, whether or not a node has it. The catalogue is `models.json` beside this file, extended by a file of
// the operator (model-file.ts). Pure.
import { modelKey } from './model-names.ts';
import type { NodeModel } from './node-model.ts';
import { type Static, Type } from './typebox.ts';

const Name = Type.String({ minLength: 1, maxLength: 200 });

export const KnownModel = Type.Object({
  name: Name,
  aliases: Type.Array(Name, { maxItems: 16 }),
  title: Type.String({ minLength: 1, maxLength: 100 }),
  kind: Type.OneOf(['chat', 'embed']),
  licence: Type.String({ maxLength: 100, description: 'Empty: not stated.' }),
  source: Type.Optional(Type.String({ maxLength: 300, description: 'Where its weights are published, for people.' })),
  ollama: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'What an Ollama fetches it as; missing: none has it.' }),
  ),
  embedded: Type.Boolean({ description: 'The embedded runtime of a node-agent can fetch it, and verifies it.' }),
  parametersB: Type.Number({ minimum: 0, description: 'Billions; 0: not known.' }),
  quantisation: Type.String({
    maxLength: 40,
    description: 'The number format of the weights: `Q4_K_M`; empty: not known.',
  }),
  sizeBytes: Type.Integer({ minimum: 1, description: 'To fetch, and on disk.' }),
  contextTokens: Type.Integer({ minimum: 0, description: 'The longest it was made for; 0: not known.' }),
  tools: Type.Boolean({ description: 'It calls tools well enough for agents with tools.' }),
  vision: Type.Boolean({ description: 'It takes pictures.' }),
  tier: Type.Optional(
    Type.OneOf(['small', 'medium', 'large'], { description: 'Set by a person; missing: by its parameters.' }),
  ),
  from: Type.OneOf(['shipped', 'file', 'changed'], {
    description:
      'shipped: of this project; file: of the operator; changed: of this project, with fields of the operator.',
  }),
});
export type KnownModel = Static<typeof KnownModel>;

/** The catalogue with an index of all its names. */
export interface KnownModels {
  readonly list: readonly KnownModel[];
  /** By the keys of names, aliases and Ollama's names (modelKey). */
  readonly byKey: ReadonlyMap<string, KnownModel>;
}
export function knownModels(list: readonly KnownModel[]): KnownModels {
  const byKey = new Map<string, KnownModel>();
  // A name of its own wins over an alias of another entry.
  for (const model of list) byKey.set(modelKey(model.name), model);
  for (const model of list)
    for (const name of [...(model.ollama === undefined ? [] : [model.ollama]), ...model.aliases])
      if (!byKey.has(modelKey(name))) byKey.set(modelKey(name), model);
  return { list, byKey };
}
export const noKnownModels: KnownModels = knownModels([]);

/** The entry that means a node's model, by its name or any alias. */
export function knownAs(
  { byKey }: KnownModels,
  { name, aliases }: Pick<NodeModel, 'name' | 'aliases'>,
): KnownModel | null {
  for (const each of [name, ...aliases]) {
    const found = byKey.get(modelKey(each));
    if (found) return found;
  }
  return null;
}

/** The name under which nodes fetch an entry. Ollama's own names are also aliases in the catalogue of a node-agent. */
export function fetchName({ name, ollama }: Pick<KnownModel, 'name' | 'ollama'>): string {
  return ollama ?? name;
}
/** Whether one of these runtimes of a node can fetch the entry. */
export function isFetchable(
  { ollama, embedded }: Pick<KnownModel, 'ollama' | 'embedded'>,
  pulls: readonly string[],
): boolean {
  return (ollama !== undefined && pulls.includes('ollama')) || (embedded && pulls.includes('llama'));
}
