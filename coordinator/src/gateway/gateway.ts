// The gateway: a request of any dialect is answered by a model on a node, or by an agent. In: neutral requests, with who asks. Out: the
// answer to a sink, piece by piece. Before the first piece a request that failed is tried elsewhere; after it never, as two answers do not
// fit together. It decides nothing about nodes: which one is placement/route's answer.
import { FleetError, maxModelRequestsPerKey, type Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Coordinator } from '../road/coordinator.ts';
import type { Touched } from '../state/touched.ts';
import { AgentAnswer, agentNamed } from './agent-answer.ts';
import { Answering } from './answering.ts';
import type { AnswerSink, Ask, Told, Usage } from './ask.ts';
import { noFigures } from './figures.ts';
import { Purse } from './purse.ts';
import { Router } from './router.ts';

interface GatewayParts {
  coordinator: Coordinator;
  clock: Clock;
  random: Random;
  log: Log;
  /** Called for each answer of a model, also of one that broke off, for the usage. Answers of agents are counted as their tasks. */
  answered: (by: Principal, told: Told, usage: Usage) => void;
}
export class Gateway {
  readonly router: Router;
  readonly figures = noFigures();
  readonly #parts: GatewayParts;
  readonly #byKey = new Map<string, number>();
  readonly #idleAt = new Set<string>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    const { coordinator, clock, random } = parts;
    this.router = new Router({ view: coordinator.view, clock, random, reserve: coordinator.policy.reserve });
  }

  note(touched: Touched): void {
    this.router.note(touched);
  }

  purse(by: Principal): Purse {
    return new Purse({ ...this.#parts, by });
  }

  /** Begins an answer. Returns the function that ends it when nobody reads on. */
  answer(ask: Ask, by: Principal, sink: AnswerSink): () => void {
    // What has time counts apart: it must not use up what its key may ask at once.
    const who = `${ask.idle ? 'idle ' : ''}${by.kind} ${by.id ?? by.name}`;
    const underWay = this.#byKey.get(who) ?? 0;
    if (underWay >= maxModelRequestsPerKey) {
      const detail = `${underWay} requests of this key are under way; that is the most.`;
      sink.fail(new FleetError('rate-limited', { detail, retryAfterSeconds: 2 }));
      return () => {};
    }
    this.#byKey.set(who, underWay + 1);
    this.figures.underWay++;
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      this.figures.underWay--;
      const left = (this.#byKey.get(who) ?? 1) - 1;
      if (left > 0) this.#byKey.set(who, left);
      else this.#byKey.delete(who);
    };
    let from: Told | null = null;
    const counted: AnswerSink = {
      begin(told) {
        from = told;
        sink.begin(told);
      },
      event: (answer, event) => sink.event(answer, event),
      end: (answer, reason, usage) => {
        this.figures.promptTokens += usage.promptTokens;
        this.figures.completionTokens += usage.completionTokens;
        if (from && agentNamed(from.model) === null) this.#parts.answered(by, from, usage);
        sink.end(answer, reason, usage);
      },
      done: () => {
        over();
        this.figures.answered++;
        sink.done();
      },
      fail: (error) => {
        over();
        this.figures.failed++;
        sink.fail(error);
      },
    };
    const stop = this.#begin(ask, by, who, counted);
    return () => {
      if (isOver) return;
      stop();
      this.figures.left++;
      over();
    };
  }

  #begin(ask: Ask, by: Principal, who: string, sink: AnswerSink): () => void {
    const agent = agentNamed(ask.models[0] ?? '');
    const answering =
      agent === null
        ? new Answering({
            ...this.#parts,
            router: this.router,
            figures: this.figures,
            ask,
            who,
            purse: this.purse(by),
            brokeOff: (told, usage) => this.#parts.answered(by, told, usage),
            sink,
          })
        : new AgentAnswer({ ...this.#parts, idleAt: this.#idleAt, ask, agent, by, sink });
    return () => answering.stop();
  }
}
