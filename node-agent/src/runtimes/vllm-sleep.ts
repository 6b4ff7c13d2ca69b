// The sleep of a vLLM: its weights leave the graphics card and wait in the memory of the machine, and come back within seconds. Only a server
// started with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1 has it. A request that finds it asleep wakes it; one waking serves all that wait.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { JsonClient } from './http-json.ts';
import { raced } from './raced.ts';

interface VllmSleep {
  /** At the last look. */
  readonly isAsleep: boolean;
  /** Throws RuntimeError where the server does not answer. A server that cannot sleep is asked once. */
  look(signal?: AbortSignal): Promise<void>;
  /** Resolves when it is awake, with the milliseconds that this took. */
  wake(signal?: AbortSignal): Promise<number>;
  /** False: it cannot. */
  sleep(signal?: AbortSignal): Promise<boolean>;
  /** Called after the server was away. */
  forget(): void;
}

const lookMs = 5000;
/** The weights of a large model from a slow machine's memory, over several cards. */
const wakeMs = 120_000;

export function createVllmSleep(client: JsonClient, clock: Clock): VllmSleep {
  let can: boolean | undefined;
  let isAsleep = false;
  let waking: Promise<void> | null = null;

  async function look(signal?: AbortSignal): Promise<void> {
    if (can === false) return;
    const answer = await client.call({ method: 'GET', path: 'is_sleeping', signal, answerMs: lookMs });
    const told = (answer.json as { is_sleeping?: unknown } | null | undefined)?.is_sleeping;
    can = answer.status === 200 && typeof told === 'boolean';
    isAsleep = can && told === true;
  }

  async function wakeOnce(): Promise<void> {
    const answer = await client.call({ method: 'POST', path: 'wake_up', answerMs: wakeMs });
    if (answer.status !== 200)
      throw new RuntimeError('unavailable', `vLLM does not wake: HTTP ${answer.status} ${answer.text.slice(0, 200)}`);
    await look();
    if (isAsleep) throw new RuntimeError('unavailable', 'vLLM still sleeps after it was woken');
  }

  return {
    get isAsleep() {
      return isAsleep;
    },
    look,
    async wake(signal) {
      await look(signal);
      if (!isAsleep) return 0;
      const beganMs = clock.monotonicMs();
      waking ??= wakeOnce().finally(() => {
        waking = null;
      });
      const late = () => new RuntimeError('unavailable', `vLLM did not wake within ${wakeMs / 1000} s`);
      // Who leaves does not stop the waking: others wait for it.
      await withDeadline(clock, wakeMs, raced(waking, signal), late);
      return clock.monotonicMs() - beganMs;
    },
    async sleep(signal) {
      await look(signal);
      if (!can) return false;
      const answer = await client.call({ method: 'POST', path: 'sleep?level=1', signal, answerMs: wakeMs });
      await look(signal);
      return answer.status === 200 && isAsleep;
    },
    forget() {
      can = undefined;
      isAsleep = false;
    },
  };
}
