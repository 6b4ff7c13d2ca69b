// The life of a process that another one keeps (kept-process.ts): it lives as long as the channel to it, and ends in order, or at once where it
// cannot go on. In: its name, and the end in order. It loads nothing but what is here.
import { type Backoff, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Random } from './random.ts';

interface KeptParts {
  /** `the model cache`: in the log. */
  name: string;
  stop(): Promise<unknown> | undefined;
  clock: Clock;
  log: Log;
}
const stopWithinMs = 3_000;
/** A port that another program has may be free later. */
const listenAgain: Backoff = { firstMs: 1_000, maxMs: 60_000 };

/** Returns the end of a process that cannot go on. */
export function liveByChannel({ name, stop, clock, log }: KeptParts): (error: unknown) => void {
  const end = async () => {
    clock.after(stopWithinMs, () => process.exit(0));
    await stop()?.catch(() => {}); // it ends all the same
    process.exit(0);
  };
  const die = (error: unknown) => {
    log.error({ err: String((error as Error).stack ?? error) }, `${name} cannot go on, and is started again`);
    process.exit(70);
  };
  process.on('disconnect', () => void end());
  process.on('SIGTERM', () => void end());
  // Ctrl-C goes to the whole group; whoever keeps this process then ends it.
  process.on('SIGINT', () => {});
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  return die;
}

/** Opens a port until it can. `failed`: called with each reason why it could not. */
export async function listenPatiently<T>(
  open: () => Promise<T>,
  failed: (reason: string) => unknown,
  { clock, random }: { clock: Clock; random: Random },
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await open();
    } catch (error) {
      await failed((error as Error).message);
      await new Promise<void>((resolve) => clock.after(backoffMs(listenAgain, failures, random), resolve));
    }
  }
}
