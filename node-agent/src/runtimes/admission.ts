// Admission to a runtime: bounded slots and a bounded, fair queue for each model. It precedes every runtime, because an overloaded Ollama
// hangs and vLLM queues without bound; here a full queue refuses at once and reports how many requests wait. [INV-slots]

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { Clock, Timer } from '@blackroad/std/clock';

export interface AdmissionLoad {
  model: string;
  slots: number;
  busy: number;
  waiting: number;
  /** The longest wait of a request now, for capacity reports. */
  oldestWaitMs: number;
  /** Counts since the start. */
  admitted: number;
  refused: number;
}

export interface Admission {
  /**
   * Resolves with a function that releases the slot (a second call is harmless). Throws `overloaded` at once when the queue is full and
   * after `deadlineMs` of waiting, `aborted` when the signal fires.
   */
  enter(model: string, signal: AbortSignal, deadlineMs: number): Promise<() => void>;
  /** With more slots, waiting requests are admitted at once; with fewer, the limit takes effect as running requests end. */
  setSlots(model: string, slots: number): void;
  load(): AdmissionLoad[];
}

interface Waiting {
  enter(): void;
  sinceMs: number;
}
interface Gate {
  slots: number;
  busy: number;
  waiting: Set<Waiting>;
  admitted: number;
  refused: number;
}

export function createAdmission(options: { slots: number; queue: number; clock: Clock }): Admission {
  const gates = new Map<string, Gate>();

  function gateOf(model: string): Gate {
    let gate = gates.get(model);
    if (!gate) {
      gate = { slots: options.slots, busy: 0, waiting: new Set(), admitted: 0, refused: 0 };
      gates.set(model, gate);
    }
    return gate;
  }

  function admit(gate: Gate): () => void {
    gate.busy++;
    gate.admitted++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      gate.busy--;
      letIn(gate);
    };
  }

  function letIn(gate: Gate): void {
    for (const next of gate.waiting) {
      if (gate.busy >= gate.slots) return;
      gate.waiting.delete(next);
      next.enter();
    }
  }

  return {
    enter(model, signal, deadlineMs) {
      const gate = gateOf(model);
      if (signal.aborted) return Promise.reject(new RuntimeError('aborted', 'the request was aborted'));
      if (gate.busy < gate.slots && gate.waiting.size === 0) return Promise.resolve(admit(gate));
      if (gate.waiting.size >= options.queue) {
        gate.refused++;
        const words = `${model} is busy: ${gate.busy} running, ${gate.waiting.size} waiting, the queue is full`;
        return Promise.reject(new RuntimeError('overloaded', words));
      }
      return new Promise((resolve, reject) => {
        let timer: Timer | undefined;
        const leave = () => {
          timer?.cancel();
          signal.removeEventListener('abort', onAbort);
          gate.waiting.delete(own);
        };
        const onAbort = () => {
          leave();
          reject(new RuntimeError('aborted', 'the request was aborted while it waited'));
        };
        const own: Waiting = {
          sinceMs: options.clock.monotonicMs(),
          enter() {
            leave();
            resolve(admit(gate));
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        gate.waiting.add(own);
        timer = options.clock.after(deadlineMs, () => {
          leave();
          gate.refused++;
          const words = `${model} is busy: waited ${Math.round(deadlineMs / 1000)} s, ${gate.waiting.size} more waiting`;
          reject(new RuntimeError('overloaded', words));
        });
      });
    },
    setSlots(model, slots) {
      const gate = gateOf(model);
      gate.slots = Math.max(0, Math.floor(slots));
      letIn(gate);
    },
    load() {
      const now = options.clock.monotonicMs();
      return [...gates].map(([model, gate]) => ({
        model,
        slots: gate.slots,
        busy: gate.busy,
        waiting: gate.waiting.size,
        oldestWaitMs: Math.max(0, ...[...gate.waiting].map((each) => now - each.sinceMs)),
        admitted: gate.admitted,
        refused: gate.refused,
      }));
    },
  };
}
