// The deltas of one channel: numbered, each encoded once for all consoles, the last ones kept so that a console that was disconnected can
// continue. Their size is bounded; a console that missed more is told so and takes a snapshot.
import { maxFeedRingBytes } from '@blackroad/protocol';

export interface DeltaBody {
  put: unknown[];
  patch: unknown[];
  gone: unknown[];
}
export interface Deltas {
  readonly seq: number;
  add(asOfMs: number, body: DeltaBody): Buffer;
  /** The deltas after `seq`; null when they are no longer kept. */
  since(seq: number): readonly Buffer[] | null;
  /** Drops all kept deltas. */
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
      // A number that no console has: a console that comes back with the last one has missed something.
      seq++;
    },
  };
}
