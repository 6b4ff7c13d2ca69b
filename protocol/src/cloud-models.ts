// Well-known models of paid APIs with their list prices, as data: what a cloud node offers, and what usage compares the fleet's own answers
// with. Prices change without notice and differ between contracts: the owner checks them, and corrects them in a file of this same form.
import { explain } from './faults.ts';
import { TokenPrice } from './token-price.ts';
import { type Static, Type } from './typebox.ts';

const cloudProviders = ['openai', 'anthropic'] as const;
export type CloudProviderName = (typeof cloudProviders)[number];

const Name = Type.String({ minLength: 1, maxLength: 200 });
const tokens = (description: string) => Type.Integer({ minimum: 1, maximum: 100_000_000, description });
const GivenModel = Type.Object(
  {
    provider: Type.OneOf(cloudProviders),
    name: Name,
    kind: Type.Optional(Type.OneOf(['chat', 'embed'], { description: 'Missing: chat.' })),
    tier: Type.Optional(Type.OneOf(['small', 'medium', 'large'], { description: 'Missing: medium.' })),
    contextTokens: tokens('The longest prompt that the price holds for.'),
    answerTokens: Type.Optional(tokens('The longest answer. Missing: 8192.')),
    dimension: Type.Optional(tokens('Length of the vectors of a model of kind `embed`.')),
    sees: Type.Optional(Type.Boolean({ description: 'It takes pictures.' })),
    price: TokenPrice,
  },
  { additionalProperties: false },
);
type GivenModel = Static<typeof GivenModel>;
export type CloudModel = GivenModel & Required<Pick<GivenModel, 'kind' | 'tier'>>;

export const referenceKinds = ['small', 'medium', 'large', 'embed'] as const;
type ReferenceKind = (typeof referenceKinds)[number];
const CloudCatalogue = Type.Object(
  {
    models: Type.Optional(Type.Array(GivenModel, { maxItems: 200 })),
    reference: Type.Optional(
      Type.Object(
        {
          small: Type.Optional(Name),
          medium: Type.Optional(Name),
          large: Type.Optional(Name),
          embed: Type.Optional(Name),
        },
        {
          additionalProperties: false,
          description: 'The model whose price the own answers of a tier, and own vectors, are compared with.',
        },
      ),
    ),
  },
  { additionalProperties: false },
);
export interface CloudCatalogue {
  models: readonly CloudModel[];
  reference: Readonly<Record<ReferenceKind, string>>;
}

/** List prices as published in November 2026. Models with a second tariff for long prompts have the context up to which the first one holds. */
export const shippedCatalogue: CloudCatalogue = {
  models: [
    chat('openai', 'gpt-6-luna', 'small', 272_000, { read: 0.1, written: 0.5, cached: 0.01 }),
    chat('openai', 'gpt-6.1-terra', 'medium', 272_000, { read: 1, written: 5, cached: 0.05 }),
    chat('openai', 'gpt-6-sol', 'large', 272_000, { read: 2, written: 10, cached: 0.2 }),
    embed('text-embedding-3-small', 1536, 0.02),
    embed('text-embedding-3-large', 3072, 0.13),
    chat('anthropic', 'claude-haiku-5-5', 'small', 100_000, { read: 0.1, written: 0.5, cached: 0.01 }),
    chat('anthropic', 'claude-haiku-4-5', 'small', 200_000, { read: 1, written: 5, cached: 0.1 }),
    chat('anthropic', 'claude-sonnet-5-5', 'medium', 1_000_000, { read: 2, written: 10, cached: 0.1 }),
    chat('anthropic', 'claude-opus-5-5', 'large', 1_000_000, { read: 4, written: 20, cached: 0.2 }),
  ],
  reference: { small: 'gpt-6-luna', medium: 'gpt-6.1-terra', large: 'gpt-6-sol', embed: 'text-embedding-3-small' },
};

function chat(
  provider: CloudProviderName,
  name: string,
  tier: CloudModel['tier'],
  contextTokens: number,
  price: TokenPrice,
): CloudModel {
  return { provider, name, kind: 'chat', tier, contextTokens, answerTokens: 64_000, sees: true, price };
}
function embed(name: string, dimension: number, read: number): CloudModel {
  const price = { read, written: 0 };
  return { provider: 'openai', name, kind: 'embed', tier: 'small', contextTokens: 8191, dimension, price };
}

/**
 * The shipped catalogue with what a file adds: a model of the same provider and name replaces the shipped one. Empty text: as shipped.
 * `fault`: what is wrong with the file, in words that name the field.
 */
export function readCloudCatalogue(text: string): CloudCatalogue | { fault: string } {
  if (text.trim() === '') return shippedCatalogue;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: `expected JSON: ${(error as Error).message}` };
  }
  const fault = explain(CloudCatalogue, value);
  if (fault !== '') return { fault };
  const given = value as Static<typeof CloudCatalogue>;
  const own = (given.models ?? []).map((model): CloudModel => ({ kind: 'chat', tier: 'medium', ...model }));
  const isGiven = (model: CloudModel) =>
    own.some(({ provider, name }) => provider === model.provider && name === model.name);
  const models = [...own, ...shippedCatalogue.models.filter((model) => !isGiven(model))];
  const reference = { ...shippedCatalogue.reference, ...given.reference };
  for (const kind of referenceKinds) {
    if (!referenceOf({ models, reference }, kind))
      return { fault: `reference.${kind}: expected a model of the catalogue, got ${JSON.stringify(reference[kind])}` };
  }
  return { models, reference };
}

/** The model whose price stands for those of a tier, or for vectors. */
export function referenceOf({ models, reference }: CloudCatalogue, kind: ReferenceKind): CloudModel | undefined {
  const isEmbed = kind === 'embed';
  return models.find((model) => model.name === reference[kind] && (model.kind === 'embed') === isEmbed);
}
