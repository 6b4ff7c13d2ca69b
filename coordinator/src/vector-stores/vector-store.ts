// A vector store on another machine, as the coordinator uses it: it answers which ids are likely near to a vector, and nothing else. In: ids with
// vectors, the agent and the kind of each; no text. Out: ids of candidates. What it answers decides nothing: the database compares and filters
// them again. Every call may be repeated, and may fail with VectorStoreError.

import { errnoSentence } from '@blackroad/std/errno';

export interface StoredVector {
  id: number;
  agent: string;
  kind: string;
  /** Of length 1. */
  vector: Float32Array;
}
/** Where the vectors of one fleet, model and length are: a table, a collection, a namespace. */
export interface Place {
  /** Of small letters, digits and `_`, at most 63. */
  name: string;
  dimension: number;
}
export interface NearFilter {
  agent?: string;
  kind?: string;
}

export interface VectorStore {
  /** Its kind and address, as people see it. */
  readonly shown: string;
  /** Vectors of one call at most. */
  readonly atOnce: number;
  /** What was put may be missing from answers for so long. */
  readonly settleMs: number;
  /** The names of places that begin so. */
  places(prefix: string): Promise<string[]>;
  /** Makes the place where there is none. Resolves with what was noted there last; null: nothing. */
  open(place: Place): Promise<string | null>;
  /** A vector whose id is there replaces the one before. */
  put(place: Place, vectors: readonly StoredVector[]): Promise<void>;
  /** Ids that are not there are no fault. */
  remove(place: Place, ids: readonly number[]): Promise<void>;
  /** Keeps a text of some 200 characters at the place. */
  note(place: Place, text: string): Promise<void>;
  noted(place: Place): Promise<string | null>;
  near(place: Place, vector: Float32Array, filter: NearFilter, wanted: number): Promise<number[]>;
  /** Removes the place and all that is in it. */
  drop(name: string): Promise<void>;
  close(): Promise<void>;
}

/** `refused`: a person has to mend it. `away`: it may end by itself. */
type VectorStoreFault = 'away' | 'refused';

/** The message is a sentence for people and holds no secret. */
export class VectorStoreError extends Error {
  override readonly name = 'VectorStoreError';
  readonly fault: VectorStoreFault;

  constructor(fault: VectorStoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** The fault of a connection that could not be made, or ended. */
export function unreachable(error: unknown): VectorStoreError {
  const { code = '', message } = error as { code?: string; message: string };
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    const hint = 'NODE_EXTRA_CA_CERTS names the file of your own CA';
    return new VectorStoreError('refused', `Its certificate is not trusted (${code}): ${hint}.`, { cause: error });
  }
  const why = (errnoSentence({ code }) ?? message) || code;
  return new VectorStoreError('away', `It does not answer: ${why}.`, { cause: error });
}

const maxAnswered = 20_000;
/** Ids of an answer; what is none makes the whole answer worth nothing. */
export function idsOf(answered: unknown, wanted: number): number[] {
  const isList = Array.isArray(answered) && answered.length <= Math.min(maxAnswered, wanted);
  if (isList && answered.every((id) => Number.isSafeInteger(id) && id >= 0)) return answered as number[];
  const got = isList ? 'something else among them' : Array.isArray(answered) ? `${answered.length}` : 'none';
  throw new VectorStoreError('away', `It answered no ids: expected at most ${wanted} whole numbers, got ${got}.`);
}

/** The vector of a record that has none of its own, as that of a note. */
export const axis = ({ dimension }: Pick<Place, 'dimension'>): Float32Array =>
  Float32Array.from({ length: dimension }, (_, i) => (i === 0 ? 1 : 0));
/** For an interface that takes text: shorter than all digits of a float, and as near. */
export const numbersOf = (vector: Float32Array): number[] => Array.from(vector, (value) => Number(value.toFixed(6)));
