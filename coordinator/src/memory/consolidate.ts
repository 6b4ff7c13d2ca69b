// What a run of consolidation finds without a model: what is said twice, and what a later statement replaces. In: the newest memories of an agent,
// oldest first, with vectors of one model where they have one. Out: pairs, each entry in one of them at most, and groups of memories about one
// matter for a model to judge. Generators, so that whoever computes lets others have their turn. Pure. [decision 37]
import { type MemoryMark, maxRunQuestions, maxSummarySources, wordsOf } from '@blackroad/protocol';

/** A memory as a run looks at it. */
export interface Memory {
  seq: number;
  hash: string;
  kind: string;
  text: string;
  vector: Float32Array | null;
}
export interface Pair {
  how: Exclude<MemoryMark['how'], 'summary'>;
  of: Memory;
  by: Memory;
  /** That said so; missing: words and vectors alone. */
  model?: string;
}
interface Read extends Memory {
  /** Of what a person or the agent stated; of an exchange what was said. */
  words: string[];
  whole: string;
  isQuestion: boolean;
}

/** [M] On the set of conversations (docs/memory.md). Of two statements that are further apart none is taken to replace the other. */
const replacesAtLeast = 0.75;
/** The same share of words, rare ones counting more, without which vectors that are near mean a like topic alone. */
const sharedAtLeast = 0.5;
/** Below it two exchanges that begin with the same statement had different answers. */
const sameAtLeast = 0.95;
/** Memories of one group are about one matter. */
const groupAtLeast = 0.55;
/** A statement of fewer words says too little to be replaced. */
const leastWords = 3;

const exchange = /^User: ([\s\S]*?)\nAssistant: ([\s\S]*)$/;
/** Of the scripts that have one of their own. */
const asks = /[?？؟;]\s*$|[?？؟]/u;

function read(memory: Memory): Read {
  const said = exchange.exec(memory.text)?.[1] ?? memory.text;
  return {
    ...memory,
    words: wordsOf(said),
    whole: wordsOf(memory.text).join(' '),
    isQuestion: asks.test(said),
  };
}

/** `skip`: pairs that a person took back, by `pairKey`. Yields between pieces of the work; returns the pairs. */
export function* pairsOf(
  memories: readonly Memory[],
  { guesses, skip }: { guesses: boolean; skip: ReadonlySet<string> },
): Generator<void, Pair[]> {
  const all: Read[] = [];
  for (const memory of memories) {
    all.push(read(memory));
    yield;
  }
  const rarity = rarityOf(all);
  const pairs: Pair[] = [];
  for (const [at, of] of all.entries()) {
    let found: Pair | null = null;
    // The newest that fits: what changed twice is replaced by what holds now.
    for (let later = all.length - 1; later > at && found === null; later--) {
      const by = all[later] as Read;
      const how = isSame(of, by) ? 'same' : guesses && replaces(of, by, rarity) ? 'replaced' : null;
      if (how !== null && !skip.has(pairKey({ how, of, by }))) found = { how, of, by };
    }
    if (found) pairs.push(found);
    yield;
  }
  return pairs;
}
export const pairKey = ({ how, of, by }: { how: string; of: { hash: string }; by: { hash: string } }) =>
  `${how} ${of.hash} ${by.hash}`;

function isSame(a: Read, b: Read): boolean {
  if (a.whole === '' || b.whole === '') return false;
  if (a.whole === b.whole) return true;
  // What is asked twice may have two answers.
  if (a.isQuestion || a.words.length < leastWords || a.words.join(' ') !== b.words.join(' ')) return false;
  return cosine(a.vector, b.vector) >= sameAtLeast;
}

/** Whether the later one states the same matter with something else in it. */
function replaces(earlier: Read, later: Read, rarity: (word: string) => number): boolean {
  if (earlier.isQuestion || later.isQuestion) return false;
  if (earlier.words.length < leastWords || later.words.length < leastWords) return false;
  if (cosine(earlier.vector, later.vector) < replacesAtLeast) return false;
  const [a, b] = [new Set(earlier.words), new Set(later.words)];
  const weight = (words: Iterable<string>) => [...words].reduce((sum, word) => sum + rarity(word), 0);
  const shared = weight([...a].filter((word) => b.has(word)));
  const isOther = [...a].some((word) => !b.has(word)) && [...b].some((word) => !a.has(word));
  return isOther && shared / Math.min(weight(a), weight(b)) >= sharedAtLeast;
}

/** How much a word of these memories distinguishes. */
function rarityOf(all: readonly Read[]): (word: string) => number {
  const counts = new Map<string, number>();
  for (const { words } of all) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return (word) => Math.log(1 + all.length / (counts.get(word) ?? 1));
}

export function cosine(a: Float32Array | null, b: Float32Array | null): number {
  if (!a || !b || a.length !== b.length) return 0;
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : 0;
}

/** Memories that are about one matter, the largest groups first: each newest memory with those nearest to it. */
export function* groupsOf(memories: readonly Memory[]): Generator<void, Memory[][]> {
  const free = new Set(memories.filter(({ vector }) => vector !== null));
  const groups: Memory[][] = [];
  for (const memory of memories.toReversed()) {
    if (!free.delete(memory)) continue;
    const near = [...free]
      .map((other) => ({ other, value: cosine(memory.vector, other.vector) }))
      .filter(({ value }) => value >= groupAtLeast)
      .sort((a, b) => b.value - a.value)
      .slice(0, maxSummarySources - 1);
    for (const { other } of near) free.delete(other);
    if (near.length > 0) groups.push([memory, ...near.map(({ other }) => other)].sort((a, b) => a.seq - b.seq));
    yield;
  }
  return groups.sort((a, b) => b.length - a.length).slice(0, maxRunQuestions);
}
