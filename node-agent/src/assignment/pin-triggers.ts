// The triggers of pins of all agents on this node: an edge of a pin asks the agent, also while the coordinator is away. In: assignments, and the
// pins of the board. Out: `fire`, at most once in the trigger's rest and never while its last task is under way, and in plain words the
// triggers whose pin is not there.
import { type AssignedAgent, filledPrompt, idOf, isPinTrigger, type PinTrigger, restMsOf } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

/** The pins of this node. */
export interface TriggeringPins {
  /** Calls `onEdge` at each settled change until stopped. Null: there is no such pin, or too many listen. */
  listen(pin: string, onEdge: (on: boolean) => void): (() => void) | null;
  /** Why the pin is not to be had, in words; null: it is. */
  lack(pin: string): string | null;
}
interface Running {
  agent: string;
  trigger: PinTrigger;
  stop: () => void;
}

export type PinTriggers = ReturnType<typeof createPinTriggers>;

export function createPinTriggers(deps: {
  node: string;
  /** Null: this node has no pins. */
  pins: TriggeringPins | null;
  clock: Clock;
  /** Out: the task that it began; null: none. */
  fire: (assigned: AssignedAgent, prompt: string) => string | null;
  /** Whether a task of this node is under way. */
  isUnderWay: (task: string) => boolean;
}) {
  const { node, pins, clock, fire, isUnderWay } = deps;
  const running = new Map<string, Running[]>();

  function begin(assigned: AssignedAgent, trigger: PinTrigger): Running {
    const { pin, edge, prompt } = trigger;
    let task: string | null = null;
    let firedMs = Number.NEGATIVE_INFINITY;
    const stop = pins?.listen(pin, (on) => {
      if (edge !== 'both' && on !== (edge === 'rising')) return;
      const nowMs = clock.monotonicMs();
      if (nowMs < firedMs + restMsOf(trigger) || (task !== null && isUnderWay(task))) return;
      task = fire(assigned, filledPrompt(prompt, { node, pin, value: on ? 'on' : 'off' }));
      // An agent that is busy was not asked: the next edge may.
      if (task !== null) firedMs = nowMs;
    });
    return { agent: assigned.spec.name, trigger, stop: stop ?? (() => {}) };
  }

  return {
    start(assigned: AssignedAgent): void {
      const id = idOf(assigned);
      this.stop(id);
      const own = assigned.spec.triggers.filter(isPinTrigger).map((trigger) => begin(assigned, trigger));
      if (own.length > 0) running.set(id, own);
    },
    stop(id: string): void {
      for (const { stop } of running.get(id) ?? []) stop();
      running.delete(id);
    },
    stopAll(): void {
      for (const id of [...running.keys()]) this.stop(id);
    },
    troubles(): string[] {
      return [...running.values()].flat().flatMap(({ agent, trigger: { pin } }) => {
        const lack = pins ? pins.lack(pin) : `this node has no pin ${pin}; its owner can list one (--pins)`;
        return lack === null ? [] : [`pin ${pin} of ${agent} never fires: ${lack}`];
      });
    },
  };
}
