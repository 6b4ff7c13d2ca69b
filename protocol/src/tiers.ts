// How large a model an agent or a request needs, where it does not name one: tiers as data. `auto` is any of them, the smallest first. A
// model's tier is the one that a person gave it in the catalogue; else it follows from its parameters, or, where its server does not tell
// them, from its size on disk.
import type { NodeModel } from './node-model.ts';

interface TierRow {
  name: 'small' | 'medium' | 'large';
  text: string;
  /** Billions of parameters, this many and more are of the next tier. */
  belowParametersB: number;
  /** The speed at which people read along: a machine that writes this many tokens a second is fast enough. */
  tokensPerS: number;
  /** The longest wait for the first token that people take for an answer of this tier, milliseconds. */
  firstTokenMs: number;
}

export const tiers: readonly TierRow[] = [
  {
    name: 'small',
    text: 'up to 4 billion parameters: a Raspberry Pi carries it at a reading speed',
    belowParametersB: 4.5,
    tokensPerS: 3,
    firstTokenMs: 15_000,
  },
  {
    name: 'medium',
    text: 'up to 16 billion parameters: a consumer GPU, or a patient server',
    belowParametersB: 16.5,
    tokensPerS: 5,
    firstTokenMs: 20_000,
  },
  {
    name: 'large',
    text: 'more than that: a GPU with much memory',
    belowParametersB: Number.POSITIVE_INFINITY,
    tokensPerS: 8,
    firstTokenMs: 30_000,
  },
];
/** Names that stand for any model of a tier, or of any. */
export const tierNames = [...tiers.map(({ name }) => name), 'auto'] as const;
export type TierWish = (typeof tierNames)[number];
export function isTierWish(name: string): name is TierWish {
  return (tierNames as readonly string[]).includes(name);
}

/** Bytes on disk of a billion parameters at four bits and a half: the usual quantisation. */
const bytesPerB = 0.6e9;

export function tellsNoSize({ parametersB, sizeBytes }: Pick<NodeModel, 'parametersB' | 'sizeBytes'>): boolean {
  return parametersB === 0 && sizeBytes === 0;
}
/** The tier of a model; of one that tells neither its parameters nor its size, the middle one. */
export function tierOf({
  tier,
  parametersB,
  sizeBytes,
}: Pick<NodeModel, 'tier' | 'parametersB' | 'sizeBytes'>): TierRow {
  const named = tiers.find(({ name }) => name === tier);
  if (named) return named;
  const billions = parametersB || sizeBytes / bytesPerB;
  if (billions === 0) return tiers[1] as TierRow;
  return tiers.find((row) => billions < row.belowParametersB) as TierRow;
}
