// The button that drains this node, and the light that shows it. A person holds the button: the coordinator is asked for the drain, or, where the
// node drains, for its end, and decides. In: the button, and word of the coordinator on what is so. Out: the question, until it is answered or
// given up, and the light: fast while it is asked, lit while the node drains. Without the coordinator nothing is asked, now or later.
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { NodeBoard } from '../gpio/node-board.ts';
import type { Transport } from '../transport/transport.ts';
import type { Asks } from './asks.ts';

interface DrainButtonParts {
  board: Pick<NodeBoard, 'onHeld' | 'showDraining' | 'showAsked' | 'endAsked'> | null;
  asks: Pick<Asks, 'forDrain'>;
  transport: Pick<Transport, 'connected'>;
  clock: Clock;
  log: Log;
}

const againMs = 3_000;
const tries = 3;

export class DrainButton {
  readonly #parts: DrainButtonParts;
  #isDraining = false;
  #wanted: boolean | null = null;
  #timer: Timer | null = null;

  constructor(parts: DrainButtonParts) {
    this.#parts = parts;
    if (parts.board) parts.board.onHeld = () => this.#held();
  }

  /** Whether the node drains, whoever asked for it; undefined: an older coordinator does not say. */
  heard(draining: boolean | undefined): void {
    if (draining === undefined) return;
    this.#isDraining = draining;
    if (this.#wanted !== null) this.#end();
    this.#parts.board?.showDraining(draining);
  }
  stop(): void {
    this.#timer?.cancel();
  }

  #held(): void {
    const { board, transport, log } = this.#parts;
    if (this.#wanted !== null) return;
    if (!transport.connected) {
      log.warn({}, 'the drain button was held, and the coordinator is not reached: nothing is asked');
      return;
    }
    this.#wanted = !this.#isDraining;
    log.info({ draining: this.#wanted }, 'the drain button was held');
    board?.showAsked(againMs * tries);
    this.#ask(1);
  }
  #ask(tried: number): void {
    const { asks, clock, log } = this.#parts;
    if (this.#wanted === null) return;
    if (tried > tries) {
      log.warn({}, 'the coordinator does not answer the drain button');
      this.#end();
      return;
    }
    asks.forDrain(this.#wanted);
    this.#timer = clock.after(againMs, () => this.#ask(tried + 1));
  }
  #end(): void {
    this.#wanted = null;
    this.#timer?.cancel();
    this.#parts.board?.endAsked();
  }
}
