// One attempt: a request on one node, watched until its end. In: the node and the request. Out: its events, and the end; a node that does
// not begin, or stops in the middle, ends with a problem. Never waits without a limit.
import type { ModelAnswerEnd, ModelAnswerEvent, ModelRequest } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Coordinator } from '../road/coordinator.ts';

interface Attempt {
  coordinator: Pick<Coordinator, 'request'>;
  clock: Clock;
  node: string;
  request: ModelRequest;
  signal: AbortSignal;
  /** Until the first event. */
  firstMs: number;
  heard(events: readonly ModelAnswerEvent[]): void;
}
/** Between two events. */
const stallMs = 120_000;

export function attempt({
  coordinator,
  clock,
  node,
  request,
  signal,
  firstMs,
  heard,
}: Attempt): Promise<ModelAnswerEnd> {
  return new Promise((resolve) => {
    let hasBegun = false;
    let isOver = false;
    let watch: Timer | null = null;
    let stop = () => {};
    const settle = (end: ModelAnswerEnd) => {
      if (isOver) return;
      isOver = true;
      watch?.cancel();
      signal.removeEventListener('abort', onAbort);
      resolve(end);
    };
    const giveUp = (code: 'unavailable' | 'aborted', text: string) => {
      stop();
      settle({ problem: { code, text } });
    };
    // [INV-nobody-waits]
    const onAbort = () => giveUp('aborted', 'nobody waits for the answer');
    let silentSinceMs = clock.monotonicMs();
    /** A timer for each event would cost more than the event: it looks again when it would be time without one. */
    const wait = (ms: number) => {
      watch = clock.after(ms, () => {
        const leftMs = (hasBegun ? stallMs : firstMs) - (clock.monotonicMs() - silentSinceMs);
        if (leftMs > 0) return wait(leftMs);
        const text = hasBegun ? `${node} stopped within its answer` : `${node} did not begin its answer in time`;
        giveUp('unavailable', text);
      });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    wait(firstMs);
    try {
      stop = coordinator.request(node, request, {
        events(events) {
          if (isOver) return;
          hasBegun = true;
          silentSinceMs = clock.monotonicMs();
          heard(events);
        },
        end: settle,
      });
    } catch (error) {
      giveUp('unavailable', (error as Error).message.slice(0, 1000));
    }
  });
}
