// The deltas of one channel: numbered, each made into bytes once for every console, the last ones kept so that a console that slept
// can go on where it was. Bounded by bytes; who missed more is told so and takes a snapshot.
import { maxFeedRingBytes } from '@blackroad/protocol';

export interface DeltaBody {
  put: unknown[];
  patch: unknown[];
  gone: unknown[];
}
export interface Deltas {
  readonly seq: number;
  add(asOfMs: number, body: DeltaBody): Buffer;
  /** What came after `seq`; null when that is not known any more. */
  since(seq: number): readonly Buffer[] | null;
  /** What came before is not known any more. */
  forget(): void;
}

export function createDeltas(channel: string, epoch: string, maxBytes = maxFeedRingBytes): Deltas {
  let kept: Buffer[] = [];
  let bytes = 0;
  let seq = 0;
  return {
    get seq() {
      return seq;
    },
    add(asOfMs, { put, patch, gone }) {
      seq++;
      const frame = Buffer.from(JSON.stringify({ type: 'delta', channel, epoch, asOfMs, seq, put, patch, gone }));
      kept.push(frame);
      bytes += frame.length;
      let drop = 0;
      while (bytes > maxBytes && drop < kept.length) bytes -= (kept[drop++] as Buffer).length;
      if (drop > 0) kept = kept.slice(drop);
      return frame;
    },
    since(from) {
      const behind = seq - from;
      if (behind < 0 || behind > kept.length) return null;
      return behind === 0 ? [] : kept.slice(-behind);
    },
    forget() {
      kept = [];
      bytes = 0;
      // A number nobody has: whoever comes back with the last one is not taken to have missed nothing.
      seq++;
    },
  };
}
