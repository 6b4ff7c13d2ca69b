// One thread's part of a search: it scans its rows and keeps the best of them. The threshold rises as better ones are found, so that few are written.
import { layout, type Scan } from './code-scan.ts';
import { bestInFront } from './select.ts';

interface Part {
  thread: number;
  from: number;
  to: number;
}
export interface Job {
  blocks: number;
  base: number;
  wanted: number;
  agents: number;
  kinds: number;
}
export interface Found {
  scores: Float32Array;
  ids: Uint32Array;
  count: number;
}
/** Candidates of one thread before the worse ones are dropped. */
const maxFound = layout.foundBytes / 8;
/** Of one thread with its last piece, and what the others add. */
const room = 2 * maxFound + layout.maxThreads * maxFound;

export function newFound(): Found {
  return { scores: new Float32Array(room), ids: new Uint32Array(room), count: 0 };
}

export function scanPart(scan: Scan, buffer: ArrayBufferLike, part: Part, job: Job, found: Found): void {
  const out = layout.found + part.thread * layout.foundBytes;
  const scores = new Float32Array(buffer, out, layout.foundBytes / 4);
  const ids = new Uint32Array(buffer, out, layout.foundBytes / 4);
  let threshold = Number.NEGATIVE_INFINITY;
  let at = part.from;
  // The first piece is short: with its threshold the rest writes little.
  let outEnd = out + Math.min(layout.foundBytes, 8 * Math.max(64, 8 * job.wanted));
  found.count = 0;
  while (at < part.to) {
    const [next, end] = scan(
      at,
      part.to,
      layout.query,
      job.blocks,
      job.base,
      threshold,
      out,
      outEnd,
      job.agents,
      job.kinds,
    );
    at = next;
    for (let i = 0; i < (end - out) / 8; i++) {
      found.scores[found.count] = scores[2 * i] as number;
      found.ids[found.count++] = ids[2 * i + 1] as number;
    }
    if (found.count > job.wanted) {
      threshold = bestInFront(found.scores, found.ids, found.count, job.wanted);
      found.count = job.wanted;
    }
    outEnd = out + layout.foundBytes;
  }
}
