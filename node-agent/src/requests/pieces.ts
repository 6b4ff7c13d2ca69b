// Requests of the gateway that are not whole yet: their pieces arrive in order, one message after the other. In: pieces. Out: the text of a
// request with its last piece. A request whose pieces stop coming is dropped after a while, and the bytes of all together are limited.
import { type ModelProblemCode, type ModelRequestPiece, maxPieceBytesPerNode } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

interface Begun {
  texts: string[];
  of: number;
  sinceMs: number;
}
type Taken = { text: string } | { refused: ModelProblemCode; words: string };
const patienceMs = 30_000;

export function createPieces(clock: Clock, limit = maxPieceBytesPerNode) {
  const begun = new Map<string, Begun>();
  let held = 0;

  function drop(request: string): void {
    for (const text of begun.get(request)?.texts ?? []) held -= text.length;
    begun.delete(request);
  }

  return {
    /** The text of the request; null: more is to come; `refused`: the request is dropped. */
    take({ request, at, of, text }: ModelRequestPiece): Taken | null {
      if (at === 0 && of === 1) return { text };
      const nowMs = clock.monotonicMs();
      for (const [id, { sinceMs }] of begun) if (nowMs - sinceMs > patienceMs) drop(id);
      if (at === 0) drop(request);
      const row = at === 0 ? { texts: [], of, sinceMs: nowMs } : begun.get(request);
      // A piece of a request that was dropped: its end was told already.
      if (!row) return null;
      begun.set(request, row);
      if (row.texts.length !== at || row.of !== of) {
        drop(request);
        return { refused: 'aborted', words: 'a piece of the request was lost' };
      }
      row.texts.push(text);
      row.sinceMs = nowMs;
      held += text.length;
      if (held > limit) {
        drop(request);
        return { refused: 'overloaded', words: 'too many large requests are on their way to this node' };
      }
      if (row.texts.length < of) return null;
      const whole = row.texts.join('');
      drop(request);
      return { text: whole };
    },
    drop,
    clear() {
      begun.clear();
      held = 0;
    },
  };
}
