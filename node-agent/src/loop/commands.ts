// Commands of people to this node: fetch a model, stop that, remove or unload one, blink, start anew, show the log. In: a command. Out: one reply to each, with words; of a
// fetch that takes longer the end is an event.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { cutToBytes, type Decoded, modelKey, type Reply } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { ModelPool } from '../models/model-pool.ts';
import { fetchFaultOf } from '../runtimes/runtime.ts';
import type { TellEvent } from '../transport/node-event.ts';
import type { Transport } from '../transport/transport.ts';

type Command = Extract<
  Decoded,
  { name: 'pull' | 'stopPull' | 'removeModel' | 'unload' | 'identify' | 'restart' | 'log' }
>;

interface CommandsParts {
  node: string;
  pool: Pick<ModelPool, 'pull' | 'stopPull' | 'remove' | 'unload' | 'situation'>;
  blink: (seconds: number) => { ok: boolean; text: string };
  /** Ends the process; null: nothing would start it again. */
  restart: (() => void) | null;
  logLines: (count: number) => string[];
  transport: Pick<Transport, 'send'>;
  tellEvent: TellEvent;
  clock: Clock;
  /** The node stops. */
  stopped: AbortSignal;
}

/** A registry answers whether it has a name within a second or two; shorter than the coordinator's wait for a reply. */
const pullAnswerMs = 15_000;
/** In which the reply to an order to start anew is sent. */
const replyMs = 300;

export class Commands {
  readonly #parts: CommandsParts;

  constructor(parts: CommandsParts) {
    this.#parts = parts;
  }

  receive({ name, message }: Command): void {
    const { command } = message;
    switch (name) {
      case 'pull':
        void this.#pull(command, message.model);
        return;
      case 'stopPull':
        this.#reply(command, this.#stopPull(message.model));
        return;
      case 'removeModel':
        void this.#remove(command, message.model);
        return;
      case 'unload':
        void this.#unload(command, message.model);
        return;
      case 'identify':
        this.#reply(command, this.#parts.blink(message.seconds));
        return;
      case 'restart':
        this.#restart(command);
        return;
      case 'log':
        this.#reply(command, { ok: true, lines: this.#parts.logLines(message.lines) });
        return;
    }
  }

  #reply(command: string, answer: Omit<Reply, 'command'>): void {
    this.#parts.transport.send('reply', { node: this.#parts.node, command }, { command, ...answer });
  }

  /** Replies once it is known whether the model can be fetched: the fetch itself takes minutes, and capacity reports it. */
  async #pull(command: string, model: string): Promise<void> {
    const { node, pool, clock, tellEvent, stopped } = this.#parts;
    let isAnswered = false;
    const answer = (reply: Omit<Reply, 'command'>) => {
      if (!isAnswered) this.#reply(command, reply);
      isAnswered = true;
    };
    const begun = (text: string) => answer({ ok: true, text });
    const patience = clock.after(pullAnswerMs, () => begun(`${node} has begun to fetch ${model}.`));
    const others = pool.situation().fetching.filter((each) => modelKey(each) !== modelKey(model));
    if (others.length > 0) begun(`${node} fetches ${model} after ${others.join(', ')}.`);
    try {
      await pool.pull(
        model,
        ({ totalBytes }) => {
          if (totalBytes > 0) begun(`${node} fetches ${model}.`);
        },
        stopped,
      );
      begun(`${model} is on ${node}.`);
      tellEvent('model-pulled', { model });
    } catch (error) {
      if (stopped.aborted) return;
      const fault = fetchFaultOf(error);
      const problem = problemOf(`fetch-${fault}`, error);
      if (isAnswered) tellEvent('model-pull-failed', { model, problem: problem.text, fault });
      else answer({ ok: false, text: problem.text, problem });
    } finally {
      patience.cancel();
    }
  }

  #restart(command: string): void {
    const { node, restart, clock } = this.#parts;
    if (restart) {
      this.#reply(command, { ok: true, text: `${node} starts its node-agent anew.` });
      clock.after(replyMs, restart, true);
      return;
    }
    const text = `Nothing would start the node-agent of ${node} again.`;
    this.#reply(command, { ok: false, text, problem: { code: 'no-restart', text, retryable: false } });
  }

  #stopPull(model: string): Omit<Reply, 'command'> {
    const { node, pool } = this.#parts;
    if (pool.stopPull(model)) return { ok: true, text: `${node} no longer fetches ${model}; what has come is kept.` };
    const text = `${node} does not fetch ${model}.`;
    return { ok: false, text, problem: { code: 'model-not-stopped', text, retryable: false } };
  }

  async #remove(command: string, model: string): Promise<void> {
    const { node, pool } = this.#parts;
    try {
      await pool.remove(model);
      this.#reply(command, { ok: true, text: `${model} is removed from ${node}.` });
    } catch (error) {
      const problem = problemOf('model-not-removed', error);
      this.#reply(command, { ok: false, text: problem.text, problem });
    }
  }

  async #unload(command: string, model: string): Promise<void> {
    try {
      await this.#parts.pool.unload(model);
      this.#reply(command, { ok: true, text: `${model} is put down; its next task loads it again.` });
    } catch (error) {
      const problem = problemOf('model-not-unloaded', error);
      this.#reply(command, { ok: false, text: problem.text, problem });
    }
  }
}

function problemOf(code: string, error: unknown): NonNullable<Reply['problem']> {
  const retryable = error instanceof RuntimeError && error.retryable;
  return { code, text: cutToBytes((error as Error).message, 1000), retryable };
}
