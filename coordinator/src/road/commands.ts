// Commands that wait for the word of the node they were sent to. The order itself is an input like every other (fleet/commands.ts); here
// is who waits for its answer, and until when. So many at most: a node that never answers holds nothing back for ever.
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

  /** What the node answers. Throws why it was not told, or that it did not answer in time. */
  async give(by: Principal, node: string, order: NodeOrder, deadlineMs: number): Promise<Reply> {
    const { clock, random, submit } = this.#parts;
    if (this.#waiting.size >= maxWaiting)
      throw new FleetError('unavailable', {
        detail: `${maxWaiting} commands wait for the answers of their nodes; try again.`,
        retryAfterSeconds: 1,
      });
    const command = sortableId(clock.nowMs(), random);
    // Before it is sent: the answer may be there before the one who asked is told that it was.
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

  /** A node's answer. One to a command that was sent to another node is refused, one that nobody waits for is late. */
  async replied(node: string, message: Reply): Promise<void> {
    const { command } = message;
    const sent = this.#waiting.get(command);
    if (sent?.node === node) sent.answer(message);
    else if (sent) await this.#parts.submit('reply-refused', { node, command, sentTo: sent.node });
  }
}
