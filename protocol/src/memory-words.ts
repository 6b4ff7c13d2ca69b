// Memories in words for the console and the command: how one was found, what they can be found by, where one is from, why it is not written yet, why
// no more are taken. Without a schema: the console imports it too.
import type { MemoryRun, RunCounts, RunResult } from './consolidation.ts';
import type { MemoryEmbedder, MemoryHit, MemoryVectors, VectorStoreStand } from './memory.ts';
import type { DocumentPlace, GivenWaits } from './memory-given.ts';
import type { ValueEntry } from './memory-value.ts';
import { counted } from './quantity-words.ts';

/** An older coordinator does not say it: it searched by words alone. */
export const foundInWords = ({ found = ['words'] }: Pick<MemoryHit, 'found'>): string => found.join(' and ');

const number = (count: number) => count.toLocaleString('en');

/** Whether searches find memories by their meaning, how far the vectors are that this needs, who makes them, and where they are. */
export function vectorsInWords(vectors: MemoryVectors): string {
  const store = vectors.store ? ` ${storeInWords(vectors.store)}` : '';
  return `${madeInWords(vectors)}${store}`;
}
function madeInWords(vectors: MemoryVectors): string {
  const { model, searched, memories, looked, refused, why, maker, embedder } = vectors;
  if (model === null) {
    const none =
      memories > 0 && embedder === null
        ? ' No node makes vectors, and neither does the coordinator (--embedder off).'
        : '';
    return `No memory has a vector: memories are found by their words alone.${none}`;
  }
  const without = refused === 0 ? '' : ` The model did not take ${number(refused)} of their texts.`;
  if (looked === memories && searched === model)
    return maker === 'nobody'
      ? `Each memory has a vector of ${model}, but questions get none: memories are found by their words alone. ${nobodyInWords(model, embedder ?? null)}`
      : `Memories are found by meaning too: each has a vector of ${model}.${without}${makerInWords(vectors)}`;
  const meanwhile = searched === null || searched === model ? '' : ` Until then searches by meaning use ${searched}.`;
  const waits = why === null ? makerInWords(vectors) : ` It waits: ${why}`;
  return `Memories get a vector of ${model}: ${number(looked)} of ${number(memories)} looked at, newest first.${meanwhile}${without}${waits}`;
}
/** An older coordinator does not say it. */
function makerInWords({ maker, embedder }: MemoryVectors): string {
  if (maker === 'node') return ' A node makes the vectors.';
  if (!embedder || maker !== 'coordinator') return '';
  const { state, text, model } = embedder;
  return state === 'fetching'
    ? ` The coordinator fetches ${model}: ${text}.`
    : ' The coordinator makes the vectors itself.';
}
/** Why nobody makes vectors of this model now. */
export function nobodyInWords(model: string, embedder: MemoryEmbedder | null): string {
  const none = `No node has ${model} now, and`;
  if (embedder === null) return `${none} the coordinator makes no vectors itself (--embedder off).`;
  if (embedder.state === 'failed') return `${none} the coordinator cannot make vectors itself: ${embedder.text}.`;
  return `${none} the coordinator's own embedder has ${embedder.model}.`;
}
/** How the vector store on another machine stands, and what searches do meanwhile. */
export function storeInWords({ store, state, waiting, owed, why }: VectorStoreStand): string {
  const waits = waiting > 0 ? ` ${counted(waiting, 'change')} to be written there.` : '';
  const owes = owed > 0 ? ` It owes ${counted(owed, 'erasure')}.` : '';
  if (state === 'following') return `The vectors are in ${store}.${why ? ` ${why}` : ''}${waits}${owes}`;
  const meanwhile = 'Until then searches by meaning compare the newest 20,000 vectors alone.';
  if (state === 'filling')
    return `${store} is being filled: ${counted(waiting, 'vector')} to come. ${meanwhile}${owes}`;
  return `${store} cannot be used: ${why} ${meanwhile}${waits}${owes}`;
}
/** What is missing to say that erased memories are gone there too; null: nothing. */
export function storeOwesInWords({ store, owed, why }: VectorStoreStand): string | null {
  if (owed === 0) return null;
  const memories = counted(owed, 'erased memory', 'erased memories');
  return `${store} has not confirmed that the vectors of ${memories} are gone.${why ? ` ${why}` : ''}`;
}
/** How one entry is marked by another. */
export const markWays = ['same', 'replaced', 'contradicts'] as const;
/** What a person may give: something to know, a fact, the way something is done. */
export const givenKinds = ['note', 'fact', 'procedure'] as const;

/** `from manual.pdf, page 12`. */
export function placeWords({ name, page, headings }: Pick<DocumentPlace, 'name' | 'page' | 'headings'>): string {
  const where = page === undefined ? headings : `page ${page}`;
  return where ? `${name}, ${where}` : name;
}
const waitWords: Record<GivenWaits, (node: string) => string> = {
  'no-node': () => 'the agent is on no node',
  'node-away': (node) => `${node} is not connected`,
  'node-older': (node) => `the node-agent of ${node} is older and cannot write this`,
  sent: (node) => `${node} writes it`,
  'objects-away': () => 'its parts are in the object store, which cannot be used now',
};
/** Why it is not written yet. */
export function waitsInWords({ waits, node }: { waits: GivenWaits; node: string | null }): string {
  return waitWords[waits](node ?? 'its node');
}

const markWords: Record<RunResult['how'], string> = {
  same: 'said again',
  replaced: 'replaced by what came later',
  contradicts: 'contradicts',
  summary: 'summary',
};
/** What a mark says of the first of two entries. */
export const markInWords = (how: RunResult['how']): string => markWords[how];
/** `3 said again, 1 summary`. */
export function countsInWords(counts: RunCounts): string {
  const words = { same: 'said again', replaced: 'replaced', contradicts: 'contradicted', summary: 'summed up' };
  const found = (Object.keys(words) as (keyof RunCounts)[]).filter((how) => counts[how] > 0);
  return found.map((how) => `${counts[how]} ${words[how]}`).join(', ');
}
/** How far the node of the agent is with it. */
export function runStateInWords({ state, written, results }: Pick<MemoryRun, 'state' | 'written' | 'results'>): string {
  if (state === 'writing') return `${written} of ${results} written`;
  return state === 'undoing' ? 'taken back; its node erases it' : state === 'undone' ? 'taken back' : 'written';
}

/** Why an agent takes no more memories. `more`: those that would have come. */
export function memoryFull(
  agent: string,
  { atMost, has, more }: { atMost: number; has: number; more: number },
): string {
  const memories = (count: number) => counted(count, 'memory', 'memories');
  const fits = has >= atMost ? 'has them' : `has ${has}, and this is ${more} more`;
  return `${agent} may have ${memories(atMost)} (memory.atMost of its spec) and ${fits}: erase some, or allow more.`;
}

/** By whom, or where, a value was set. */
export function valueByWords({ source, actorId, kind }: Pick<ValueEntry, 'source' | 'actorId' | 'kind'>): string {
  if (kind === 'merge') return `on ${actorId.replace(/^node:/, '')} while it was away`;
  if (source.startsWith('person:')) return `by ${source.slice('person:'.length)}`;
  if (source.startsWith('import:')) return 'by an import';
  return actorId.startsWith('agent:') ? 'by the agent' : `by ${actorId}`;
}
