// The memory of one token of context, from the figures in a model's header. In: the architecture's name and a reader of header values (of a
// GGUF file, or of Ollama's `model_info`, which repeats them). Out: bytes with a 16-bit cache, the default of every runtime used here. It
// must never guess: without the figures the result is 0, which means unknown.

const cacheBytes = 2;

export function headerKvBytesPerToken(architecture: string, value: (key: string) => unknown): number {
  const of = (key: string) => value(`${architecture}.${key}`);
  const layers = numberOf(of('block_count')) ?? 0;
  const heads = numberOf(of('attention.head_count')) ?? 0;
  const whole = numberOf(of('embedding_length')) ?? 0;
  const headLength = heads > 0 ? whole / heads : 0;
  const keyLength = numberOf(of('attention.key_length')) ?? headLength;
  const valueLength = numberOf(of('attention.value_length')) ?? headLength;
  return kvHeadsOf(of('attention.head_count_kv'), layers, heads) * (keyLength + valueLength) * cacheBytes;
}

/** Heads over all layers: one figure for all, or one for each (some share or skip attention); without a figure, `heads` in each. */
function kvHeadsOf(said: unknown, layers: number, heads: number): number {
  if (said === undefined) return layers * heads;
  if (Array.isArray(said))
    return said.every((each) => typeof each === 'number') ? said.reduce((sum, n) => sum + n, 0) : 0;
  return layers * (numberOf(said) ?? 0);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}
