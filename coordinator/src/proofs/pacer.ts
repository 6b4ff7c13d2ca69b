// Pauses of long computations: whoever computes over logs lets others have the event loop every few milliseconds.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@blackroad/std/clock';

const turnMs = 8;

/** The function to call after each small piece of work. */
export function pacer(clock: Clock): () => Promise<void> | undefined {
  let beganMs = clock.monotonicMs();
  const rest = async () => {
    await nextTurn();
    beganMs = clock.monotonicMs();
  };
  return () => (clock.monotonicMs() - beganMs > turnMs ? rest() : undefined);
}
