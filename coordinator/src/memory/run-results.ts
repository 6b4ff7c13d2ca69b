// What a run found, as the memories that the node writes. In: pairs and summaries. Out: orders of the run, numbered from 1, each with the entries
// that it is about; marks first, as they are what a run is for. Pure.
import type { GivenMemory, MemoryMark } from '@blackroad/protocol';
import type { Memory, Pair } from './consolidate.ts';

/** A line of the object of a run. */
export interface StoredResult {
  memory: GivenMemory;
  /** Of the entries that it is made of. */
  seqs: number[];
}
export interface Summary {
  text: string;
  sources: readonly Memory[];
}

const summaryImportance = 0.6;
const words: Record<Pair['how'], string> = {
  same: 'says the same as',
  replaced: 'was replaced by',
  contradicts: 'contradicts',
};

export function resultsOf(
  run: string,
  { pairs, summaries }: { pairs: readonly Pair[]; summaries: readonly Summary[] },
  model: string | null,
  most: number,
): StoredResult[] {
  const marks = pairs.map(({ how, of, by, model: judge = null }): Omit<StoredResult, 'memory'> & Made => ({
    kind: 'mark',
    // No content: a mark stays when only its words would tell what was erased.
    text: `Entry ${of.seq} ${words[how]} entry ${by.seq}.`,
    importance: 0,
    mark: { run, how, model: judge, of: placeOf(of), by: placeOf(by) },
    derivedFrom: [of.hash, by.hash],
    seqs: [of.seq, by.seq],
  }));
  const told = summaries.map(({ text, sources }): Omit<StoredResult, 'memory'> & Made => ({
    kind: 'summary',
    text,
    importance: summaryImportance,
    mark: { run, how: 'summary', model },
    derivedFrom: sources.map(({ hash }) => hash),
    seqs: sources.map(({ seq }) => seq),
  }));
  return [...marks, ...told].slice(0, most).map(({ seqs, ...made }, at) => ({
    memory: { given: `${run}.${at + 1}`, tags: [], source: `run:${run}`, ...made },
    seqs,
  }));
}
type Made = Pick<GivenMemory, 'kind' | 'text' | 'importance'> & { mark: MemoryMark; derivedFrom: string[] };
const placeOf = ({ seq, hash }: Memory) => ({ seq, hash });
