// Commands that wait for the answer of their node. The order itself is an input like any other (fleet/commands.ts); this file has the
// waiting requests and their deadlines. Their number is limited: a node that never answers must not block others for ever.
import { FleetError, type Principal, type Reply } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import type { Outcome } from '../state/decision.ts';
import type { Answer, InputKind, Inputs, NodeOrder } from '../state/input.ts';

const maxWaiting = 1_000;

interface CommandsParts {
  clock: Clock;
  random: Random;
  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>>;
}

export class Commands {
  readonly #parts: CommandsParts;
  readonly #waiting = new Map<string, { node: string; answer: (reply: Reply) => void }>();

  constructor(parts: CommandsParts) {
    this.#parts = parts;
  }

  /** The answer of the node. Throws the refusal of the command, or a timeout. */
  async give(by: Principal, node: string, order: NodeOrder, deadlineMs: number): Promise<Reply> {
    const { clock, random, submit } = this.#parts;
    if (this.#waiting.size >= maxWaiting)
      throw new FleetError('unavailable', {
        detail: `${maxWaiting} commands wait for the answers of their nodes; try again.`,
        retryAfterSeconds: 1,
      });
    const command = sortableId(clock.nowMs(), random);
    // The wait begins before the command is sent: the answer may arrive before the submission returns.
    const answered = new Promise<Reply | null>((resolve) => {
      const timer = clock.after(deadlineMs, () => resolve(null));
      const answer = (reply: Reply | null) => {
        timer.cancel();
        resolve(reply);
      };
      this.#waiting.set(command, { node, answer });
    });
    try {
      const outcome = await submit('node-command', { by, node, command, order });
      if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
      const reply = await answered;
      if (reply) return reply;
      const detail = `${node} did not answer ${order.name} within ${deadlineMs / 1000} s.`;
      throw new FleetError('deadline-passed', { detail });
    } finally {
      this.#waiting.delete(command);
    }
  }

  /** Accepts the answer of a node. An answer to a command that another node got is refused; one without a waiting request is late. */
  async replied(node: string, message: Reply): Promise<void> {
    const { command } = message;
    const sent = this.#waiting.get(command);
    if (sent?.node === node) sent.answer(message);
    else if (sent) await this.#parts.submit('reply-refused', { node, command, sentTo: sent.node });
  }
}
