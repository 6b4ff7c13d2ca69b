// Questions to the memories that other agents share with one of this node: sent to the coordinator, which has them all, and answered by it. In:
// questions, answers. Out: memories, or why there are none. A turn waits only so long: an agent answers also with its own memories alone.
import { encodeVector, type MemoryRecalled, type MemoryUp, maxRecallQuestionChars } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { AgentLog } from './log-state.ts';

/** A search over all memories takes some milliseconds; the rest is the way to the coordinator. */
const withinMs = 700;
const maxOpen = 64;

/** Why nothing was found: no coordinator, no answer in time, too many questions. */
type Unanswered = 'away' | 'late' | 'busy';
type SharedAnswer = MemoryRecalled['memories'] | Unanswered;

interface SharedRecallsParts {
  clock: Clock;
  random: Random;
  publish(agent: string, message: MemoryUp): void;
}
interface Open {
  agent: string;
  timer: Timer;
  end(answer: SharedAnswer): void;
}

export class SharedRecalls {
  readonly #parts: SharedRecallsParts;
  readonly #open = new Map<string, Open>();
  #online = false;

  constructor(parts: SharedRecallsParts) {
    this.#parts = parts;
  }

  connected(): void {
    this.#online = true;
  }
  disconnected(): void {
    this.#online = false;
    for (const id of [...this.#open.keys()]) this.#end(id, 'away');
  }

  ask(
    { row: { agent, epoch } }: AgentLog,
    text: string,
    vector: { model: string; values: Float32Array } | null,
    limit: number,
  ): Promise<SharedAnswer> {
    const asked = text.slice(0, maxRecallQuestionChars).toWellFormed();
    if (!this.#online) return Promise.resolve('away');
    if (this.#open.size >= maxOpen) return Promise.resolve('busy');
    if (asked === '') return Promise.resolve([]);
    const id = this.#parts.random.hex(8);
    return new Promise((end) => {
      const timer = this.#parts.clock.after(withinMs, () => this.#end(id, 'late'));
      this.#open.set(id, { agent, timer, end });
      const embedding = vector && {
        model: vector.model,
        dimension: vector.values.length,
        vector: encodeVector(vector.values),
      };
      const message = { type: 'recall' as const, epoch, id, text: asked, limit };
      this.#parts.publish(agent, embedding ? { ...message, embedding } : message);
    });
  }

  receive({ agent, id, memories, busy }: MemoryRecalled): void {
    if (this.#open.get(id)?.agent === agent) this.#end(id, busy ? 'busy' : memories);
  }

  #end(id: string, answer: SharedAnswer): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.timer.cancel();
    open?.end(answer);
  }
}
