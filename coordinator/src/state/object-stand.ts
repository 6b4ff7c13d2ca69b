// How the object store stands, as the loop is told.

/** What the alerts need to know. */
export interface ObjectStand {
  /** Why it cannot be used. */
  trouble: { text: string; sinceMs: number } | null;
  /** Objects that wait to be brought there, or removed there. */
  waiting: number;
  /** Objects that are there and cannot be read, as the coordinator was started without the store. */
  unreached: number;
  /** Objects that are damaged or nowhere. `text`: of one of them. */
  faulty: { count: number; text: string } | null;
  /** The bucket keeps what is removed from it. */
  keepsRemoved: boolean;
}
