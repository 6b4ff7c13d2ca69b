// Rows of what people give to the memory of an agent: single memories and withdrawals that are not written yet, and documents.
import type { DocumentView, GivenMemory } from '@blackroad/protocol';

/** A memory to write, until it is in the log. */
export interface GivenRow extends Pick<GivenMemory, 'text' | 'tags' | 'importance' | 'document' | 'key'> {
  readonly id: string;
  readonly space: string;
  /** The id of the agent. */
  readonly agent: string;
  /** Parts of documents have no rows: they are read from the document's own file. */
  readonly kind: Exclude<GivenMemory['kind'], 'document' | 'import' | 'mark' | 'summary'>;
  /** Missing: whose key gave it, or the document that it takes back. */
  readonly source?: string;
  /** The name of the key. */
  readonly by: string;
  readonly givenMs: number;
}

export interface DocumentRow
  extends Pick<DocumentView, 'name' | 'type' | 'sha256' | 'bytes' | 'pages' | 'emptyPages' | 'by' | 'addedMs'> {
  readonly id: string;
  readonly space: string;
  readonly agent: string;
  readonly chunks: number;
  /** The object with its parts, one a line. */
  readonly parts: string;
  /** Its parts up to this one are in the log. */
  readonly written: number;
  /** The earlier version, which is withdrawn when all of this one is written. */
  readonly replaces: string | null;
  /** Of an import: the object with the hashes of what it brought, by which none of it is brought again. */
  readonly origins?: string;
  /** Of an import: it has values by key. */
  readonly values?: true;
  /** It was deleted, and the withdrawal is not in the log yet. */
  readonly removing?: true;
}
/** Whether a part of it is still to be written. */
export function isUnwritten({ removing, written, chunks }: DocumentRow): boolean {
  return !removing && written < chunks;
}
/** A file of memories; its content is in the log alone once that has it. */
export function isImport({ type }: Pick<DocumentRow, 'type'>): boolean {
  return type === 'memories';
}
