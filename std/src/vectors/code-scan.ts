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
  /** Of each thread as well: groups of rows that are looked at again. */
  lists: 32_768,
  listBytes: 1_024,
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
/** The same for planes, all of them: the end of what it found. `list`: room for a number of each four rows. */
type ScanPlanes = (
  upper: number,
  lower: number,
  factors: number,
  tails: number,
  rows: number,
  query: number,
  blocks: number,
  base: number,
  threshold: number,
  firstBase: number,
  firstThreshold: number,
  list: number,
  out: number,
  agents: number,
  kinds: number,
) => number;
export interface Scans {
  rows: ScanRows;
  planes: ScanPlanes;
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
