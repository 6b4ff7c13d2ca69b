// What a run of consolidation finds without a model: what is said twice, and what a later statement replaces. In: the newest memories of an agent,
// oldest first, with vectors of one model where they have one. Out: pairs, in which each entry is marked once at most, and groups of memories about
// one matter for a model to judge. Generators, so that whoever computes lets others have their turn. Pure. [decision 37]
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
interface Read {
  memory: Memory;
  /** The words of what was stated; of an exchange, of what the user said. */
  said: string;
  words: ReadonlySet<string>;
  whole: string;
  isQuestion: boolean;
  /** Of unit length. */
  unit: Float32Array | null;
}

/**
 * [M] In the set of conversations (six languages, 12 lives of some 90 statements, all-minilm-l6-v2) 8 to 9 of 10 pairs that these bounds take are of
 * one fact, and they take two thirds of such pairs. Without the bound of forms 9 of 10 are orders such as "Tell me a joke about a dog".
 */
const replacesAtLeast = 0.6;
/** The share of their words that both have, of the one with fewer; rare words count more. */
const sharedAtLeast = 0.35;
/** What is said in more forms is a routine: a fact changes seldom. */
const mostForms = 3;
const formAtLeast = 0.5;
/** Below it two exchanges that begin with the same statement had different answers. */
const sameAtLeast = 0.95;
/** Memories of one group are about one matter. */
const groupAtLeast = 0.55;
/** A statement of fewer words says too little to be replaced. */
const leastWords = 3;

const exchange = /^User: ([\s\S]*?)\nAssistant: ([\s\S]*)$/;
const asks = /[?？؟]/u;

/** `skip`: pairs that a person took back, by `pairKey`. Yields between pieces of the work. */
export function* pairsOf(
  memories: readonly Memory[],
  { guesses, skip }: { guesses: boolean; skip: ReadonlySet<string> },
): Generator<void, Pair[]> {
  const all: Read[] = [];
  for (const memory of memories) {
    all.push(readOf(memory));
    yield;
  }
  const forms = guesses ? yield* formsOf(all) : new Map<Read, Read[]>();
  const pairs: Pair[] = [];
  const bySaid = Map.groupBy(all, ({ said }) => said);
  for (const of of all) {
    const later = (list: readonly Read[] = []) => list.filter(({ memory }) => memory.seq > of.memory.seq).reverse();
    const found = [
      ...later(bySaid.get(of.said)).flatMap((by) => (isSame(of, by) ? { how: 'same' as const, by } : [])),
      // The newest that fits: what changed twice is replaced by what holds now.
      ...later(replacing(of, forms)).map((by) => ({ how: 'replaced' as const, by })),
    ]
      .map(({ how, by }) => ({ how, of: of.memory, by: by.memory }))
      .find((pair) => !skip.has(pairKey(pair)));
    if (found) pairs.push(found);
    yield;
  }
  return pairs;
}
export const pairKey = ({ how, of, by }: { how: string; of: { hash: string }; by: { hash: string } }) =>
  `${how} ${of.hash} ${by.hash}`;

function readOf(memory: Memory): Read {
  const stated = exchange.exec(memory.text)?.[1] ?? memory.text;
  const inOrder = wordsOf(stated);
  const whole = wordsOf(memory.text).join(' ');
  const unit = memory.vector && unitOf(memory.vector);
  return { memory, said: inOrder.join(' '), words: new Set(inOrder), whole, isQuestion: asks.test(stated), unit };
}

function isSame(a: Read, b: Read): boolean {
  if (a.whole === '' || b.whole === '') return false;
  if (a.whole === b.whole) return true;
  // What is asked twice may have two answers.
  return !a.isQuestion && a.words.size >= leastWords && a.said === b.said && near(a, b) >= sameAtLeast;
}

/** The statements that say something else in words and a meaning like those of each, the oldest first. */
function* formsOf(all: readonly Read[]): Generator<void, Map<Read, Read[]>> {
  const counts = new Map<string, number>();
  for (const { words } of all) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const weightOf = (word: string) => Math.log(1 + all.length / (counts.get(word) ?? 1));
  const weights = new Map(all.map((each) => [each, sum(each.words, weightOf)]));
  const stated = all.filter(({ isQuestion, words, unit }) => !isQuestion && words.size >= leastWords && unit !== null);
  const forms = new Map<Read, Read[]>(stated.map((each) => [each, []]));
  for (const [at, a] of stated.entries()) {
    for (const b of stated.slice(at + 1)) {
      if (a.said === b.said || near(a, b) < formAtLeast) continue;
      const shared = sum(a.words, (word) => (b.words.has(word) ? weightOf(word) : 0));
      if (shared / Math.min(weights.get(a) ?? 1, weights.get(b) ?? 1) < sharedAtLeast) continue;
      forms.get(a)?.push(b);
      forms.get(b)?.push(a);
    }
    yield;
  }
  return forms;
}
/** Those that state what a later one may replace. */
function replacing(of: Read, forms: ReadonlyMap<Read, readonly Read[]>): Read[] {
  const isRoutine = (each: Read) => new Set(forms.get(each)?.map(({ said }) => said)).size > mostForms;
  const own = forms.get(of) ?? [];
  if (own.length === 0 || isRoutine(of)) return [];
  return own.filter((each) => near(of, each) >= replacesAtLeast && !isRoutine(each));
}
function sum(words: Iterable<string>, weightOf: (word: string) => number): number {
  let all = 0;
  for (const word of words) all += weightOf(word);
  return all;
}

function unitOf(vector: Float32Array): Float32Array | null {
  const length = Math.hypot(...vector);
  return length > 0 && Number.isFinite(length) ? vector.map((value) => value / length) : null;
}
/** The cosine; 0: one has no vector, or one of another model. */
function near({ unit: a }: Pick<Read, 'unit'>, { unit: b }: Pick<Read, 'unit'>): number {
  if (!a || !b || a.length !== b.length) return 0;
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += (a[i] as number) * (b[i] as number);
  return dot;
}

/** Memories that are about one matter, the largest groups first: each newest memory with those nearest to it. */
export function* groupsOf(memories: readonly Memory[]): Generator<void, Memory[][]> {
  const free = new Set(memories.map((memory) => ({ memory, unit: memory.vector && unitOf(memory.vector) })));
  const groups: Memory[][] = [];
  for (const newest of [...free].reverse()) {
    if (!free.delete(newest)) continue;
    const others = [...free]
      .map((other) => ({ other, value: near(newest, other) }))
      .filter(({ value }) => value >= groupAtLeast)
      .sort((a, b) => b.value - a.value)
      .slice(0, maxSummarySources - 1)
      .map(({ other }) => other);
    for (const other of others) free.delete(other);
    if (others.length > 0) groups.push([newest, ...others].map(({ memory }) => memory).sort((a, b) => a.seq - b.seq));
    yield;
  }
  return groups.sort((a, b) => b.length - a.length).slice(0, maxRunQuestions);
}
