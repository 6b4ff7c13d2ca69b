// Questions of this node to the coordinator, on the topics of its events: they are answered and never kept. In: what is wanted. Out: one
// message, which is not repeated here: whoever asks knows when the answer is late.
import { nodeAsks, type Static } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { AssignmentStore } from '../assignment/assignment-store.ts';
import type { Transport } from '../transport/transport.ts';

interface AsksParts {
  node: string;
  boot: string;
  assignments: Pick<AssignmentStore, 'generation'>;
  transport: Pick<Transport, 'send'>;
  clock: Clock;
}
type NodeAsk = keyof typeof nodeAsks;

export class Asks {
  readonly #parts: AsksParts;

  constructor(parts: AsksParts) {
    this.#parts = parts;
  }

  /** The next hello asks again. */
  forSnapshot(from: number): void {
    this.#ask('assignment-gap', { from, have: this.#parts.assignments.generation });
  }
  forDrain(draining: boolean): void {
    this.#ask('drain-asked', { draining });
  }

  #ask<A extends NodeAsk>(type: A, data: Static<(typeof nodeAsks)[A]['params']>): void {
    const { node, boot, transport, clock } = this.#parts;
    const { severity, words } = nodeAsks[type];
    const text = (words as (params: typeof data) => string)(data);
    transport.send('nodeEvent', { node, type }, { boot, atMs: clock.nowMs(), type, severity, text, data });
  }
}
