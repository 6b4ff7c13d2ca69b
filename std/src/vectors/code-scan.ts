// The memory that codes of vectors are scanned in, and the scan. Rows, an id, an agent and a kind each, lie one behind the other; who keeps them
// decides which, and compares what is found with the vectors themselves.
import { baseline, relaxed } from './kernel/bytes.ts';
import { rowTail } from './row-tail.ts';
import { Instance, Memory, Module, type SharedMemory, validate } from './web-assembly.ts';

/** Where things lie in the memory, in bytes. */
export const layout = {
  query: 4_096,
  /** A bit an agent. */
  agents: 65_536,
  maxAgents: 1_048_576,
  /** Of each thread that scans. */
  found: 262_144,
  foundBytes: 32_768,
  /** For each four coordinates what their signs add to the product with the query. */
  signTables: 786_432,
  /** Of each thread as well: rows of a segment that are looked at again. */
  lists: 851_968,
  listBytes: 8_256,
  /** The same: what the signs of one group of rows say. */
  signRooms: 1_015_808,
  maxThreads: 16,
  rows: 1_048_576,
} as const;
export const pageBytes = 65_536;
/** WebAssembly of 32 bits has no more. */
export const mostPages = 65_536;

/** The function of the kernel for rows: where it ends, and the end of what it found. */
type ScanRows = (
  from: number,
  to: number,
  query: number,
  blocks: number,
  base: number,
  threshold: number,
  out: number,
  outEnd: number,
  agents: number,
  kinds: number,
) => [number, number];
/** Lists the rows, in whole groups, whose signs are above the threshold, with what they say; returns the end of the list. `room`: for one group. */
type ScanSigns = (
  signs: number,
  factors: number,
  tails: number,
  rows: number,
  tables: number,
  bytes: number,
  scale: number,
  base: number,
  threshold: number,
  room: number,
  list: number,
  agents: number,
  kinds: number,
) => number;
/** Adds the other planes of the rows in a list: the end of what it found. */
type ScanRest = (
  list: number,
  last: number,
  middles: number,
  lows: number,
  factors: number,
  tails: number,
  query: number,
  middleBlocks: number,
  lowBlocks: number,
  middleBase: number,
  middleThreshold: number,
  base: number,
  threshold: number,
  out: number,
) => number;
export interface Scans {
  rows: ScanRows;
  signs: ScanSigns;
  rest: ScanRest;
}

/** Its pages take room once something is written to them. */
export const newMemory = (pages = layout.rows / pageBytes, most = mostPages): SharedMemory =>
  new Memory({ initial: pages, maximum: most, shared: true });

/** The fastest form that this processor and Node have. */
export function scansOf(memory: SharedMemory, form: 'relaxed' | 'baseline' | 'best' = 'best'): Scans {
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
  const usable = validate(bytes(relaxed)) ? relaxed : baseline;
  const module = new Module(bytes(form === 'best' ? usable : form === 'relaxed' ? relaxed : baseline));
  return new Instance(module, { scan: { memory } }).exports as unknown as Scans;
}

/** Bytes of a row. */
export const strideOf = (blocks: number): number => blocks * 16 + rowTail.bytes;
