// Where objects lie: bytes under their SHA-256. Each kind of store passes test/conformance/object-store.ts. A store knows nothing of who needs an
// object; `Objects` does, and asks it.

export interface Stored {
  sha256: string;
  bytes: number;
}

/**
 * away: it does not answer, or not in time; refused: it answers, and does not let us (a wrong key, a bucket that is not there, a full
 * store); missing: it has no such object; damaged: the bytes are not those of the hash.
 */
type StoreFaultKind = 'away' | 'refused' | 'missing' | 'damaged';

/** The message is for people and says nothing secret. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly kind: StoreFaultKind;
  constructor(kind: StoreFaultKind, text: string, options?: { cause?: unknown }) {
    super(text, options);
    this.kind = kind;
  }
}

/** Every call ends within a deadline; what it throws is a StoreFault, or a fault of the own disk. */
export interface ObjectStore {
  /** In words for people, without secrets; another place has other words. */
  readonly where: string;
  /** Whether it was seen to keep what is removed, as a bucket with versions does. */
  readonly keepsRemoved: boolean;
  /** Every object that is there, in no order. */
  list(): AsyncIterable<Stored>;
  /** Keeps the file as this object: whole and on the disk when it resolves, and never visible before. A file with other bytes is damaged. */
  put(object: Stored, from: string): Promise<void>;
  /** Writes the object to a new file, whole and with the right hash; otherwise no file is left. */
  fetch(object: Stored, to: string): Promise<void>;
  /** One that is not there is removed already. */
  remove(sha256: string): Promise<void>;
  /** Whether it answers and lets us. @throws StoreFault */
  check(): Promise<void>;
  close(): Promise<void>;
}
