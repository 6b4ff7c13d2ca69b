// What the coordinator and the process of its model cache say to each other, over the channel that Node gives to a child. Both are of one
// version and one machine: nothing here is checked, and nothing here leaves the machine.
import type { SentLine } from '@blackroad/std/sent-log';
import type { DoorLimits } from '../door/door.ts';
import type { CacheProblemKind } from './cache-problem.ts';

export interface CacheSettings {
  dir: string;
  /** The address that both ports listen on. */
  host: string;
  port: number;
  /** Plain HTTP for programs that have no certificate; null: none. */
  openPort: number | null;
  /** PEM. */
  tls: { key: string; cert: string; ca: string };
  limits: DoorLimits;
  maxConnections: number;
  /** Null: half of what is free. */
  maxBytes: number | null;
  /** Of all fetches together; null: no bound. */
  bytesPerS: number | null;
  registryUrl: string | null;
  hubUrl: string | null;
  /** Releases of Ollama itself. */
  ollamaUrl: string | null;
}

/** The peer of a connection, as TLS sees it. */
export interface ShownPeer {
  /** DER, base64; null: it showed none. */
  certificate: string | null;
  authorized: boolean;
  authorizationError: string;
  address: string;
}
export type Judged = { reader: string } | { refused: string };

export interface CacheFigures {
  heldBytes: number;
  maxBytes: number;
  diskFreeBytes: number;
  fetchedBytes: number;
  servedBytes: number;
  names: number;
  fetching: number;
  readers: number;
  /** Failed fetches and refused answers of this process, by their kind. */
  problems: Partial<Record<CacheProblemKind, number>>;
}
export interface ListedName {
  name: string;
  bytes: number;
  /** Of these, on the disk of the cache. */
  heldBytes: number;
  usedMs: number;
  /** Whether some of it is being fetched now. */
  fetching: boolean;
  readers: string[];
}

export type CacheCall = { call: 'list' } | { call: 'remove'; name: string } | { call: 'prune' };
export type CacheAnswers = { list: ListedName[]; remove: number; prune: number };

export type ToCache = { settings: CacheSettings } | { judged: number; verdict: Judged } | ({ id: number } & CacheCall);
export type FromCache =
  | SentLine
  | { ready: { port: number; openPort: number | null } }
  | { failed: string }
  | { judge: number; peer: ShownPeer }
  | { figures: CacheFigures }
  | { id: number; value: unknown }
  | { id: number; problem: { kind: CacheProblemKind; text: string; retryAfterS: number } };
