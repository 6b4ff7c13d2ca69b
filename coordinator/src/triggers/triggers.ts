// The triggers that the coordinator runs: a message below `in/`, a call of a webhook, or an event of the fleet asks the agents that wait for it,
// each by a task of its own, submitted as any other. A trigger that fired rests, and what comes meanwhile is counted and asks nothing. No task
// wakes an agent again by what it is: agents publish below their node's `out/` alone, their tools call no webhook, and no event that wakes is
// written for a task, its answer, or what becomes of it. What work causes in a roundabout way, as heat, is slowed down by the rest. In: messages of the bus, calls, batches. Out: tasks. It decides nothing about them.
import {
  coordinatorSelf,
  FleetError,
  type FleetEvent,
  filledPrompt,
  mayWake,
  parseTopic,
  restMsOf,
  topics,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Arrived, Bus } from '../bus/bus.ts';
import { createRefusals, type Refusals } from '../door/counted-refusals.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { AgentRow } from '../state/rows.ts';
import type { Touched } from '../state/touched.ts';
import { agentNameOf } from '../state/view.ts';
import { HookCalls } from './hook-calls.ts';
import { askerName, type Came, type OwnTrigger, ownTriggers, valuesOf, wakes } from './woken.ts';

/** Tasks of triggers that are being submitted; what comes beyond that is refused. */
const maxUnderWay = 200;

interface TriggersParts {
  clock: Clock;
  random: Random;
  log: Log;
}
interface TriggerStand {
  at: number;
  fired: number;
  rested: number;
  refused: number;
  lastMs: number | null;
  problem: string | null;
}
interface Waiting extends OwnTrigger, Omit<TriggerStand, 'at'> {
  restsUntilMs: number;
  /** The last call that named itself, and its task. */
  call: string | null;
  task: string | null;
}
interface Listening {
  spec: AgentRow['spec'];
  triggers: Waiting[];
}
/** What one trigger made of what came. */
interface Woken {
  agent: string;
  /** Null: it was not asked. */
  task: string | null;
  text: string;
}

export class Triggers {
  readonly #parts: TriggersParts;
  readonly #refusals: Refusals;
  readonly calls: HookCalls;
  /** Agents with triggers of these kinds, by id. */
  readonly #listening = new Map<string, Listening>();
  readonly #figures = { fired: 0, rested: 0, refused: 0 };
  #underWay = 0;
  #coordinator: Coordinator | null = null;
  #stopWatching = () => {};

  constructor(parts: TriggersParts) {
    this.#parts = parts;
    this.#refusals = createRefusals(parts.log, parts.clock);
    this.calls = new HookCalls(parts.clock);
  }

  get figures(): { fired: number; rested: number; refused: number } {
    return { ...this.#figures };
  }

  /** The same bus, of which the messages that wake agents are kept apart. */
  around(bus: Bus): Bus {
    return {
      start: (onMessage, presence) =>
        bus.start((message) => {
          if (!this.arrived(message)) onMessage(message);
        }, presence),
      publish: (messages) => bus.publish(messages),
      disconnect: (node) => bus.disconnect(node),
      stats: () => bus.stats(),
      stop: () => bus.stop(),
    };
  }

  start(coordinator: Coordinator): void {
    this.#coordinator = coordinator;
    for (const id of coordinator.view.agents.keys()) this.#look(id);
    this.#stopWatching = coordinator.watch((touched) => this.#note(touched));
  }
  stop(): void {
    this.#stopWatching();
    this.#coordinator = null;
  }

  /** How the triggers of an agent that run here have gone since the start. */
  of(agent: string): TriggerStand[] {
    const { triggers = [] } = this.#listening.get(agent) ?? {};
    return triggers.map(({ at, fired, rested, refused, lastMs, problem }) => ({
      at,
      fired,
      rested,
      refused,
      lastMs,
      problem,
    }));
  }
  /** Names of the agents that a webhook wakes. */
  agentsOf(webhook: string): string[] {
    const names = [...this.#listening.values()].flatMap(({ spec, triggers }) =>
      triggers.some(({ trigger }) => 'webhook' in trigger && trigger.webhook === webhook) ? [spec.name] : [],
    );
    return names.sort();
  }

  /** Whether the message was one that wakes agents. */
  arrived({ topic, payload, retained, refused }: Arrived): boolean {
    const parsed = parseTopic(topic);
    if (parsed?.name !== 'wake') return false;
    const noted = { topic: topic.slice(0, 200) };
    if (refused !== undefined) return true;
    // A broker sends a retained message to each new subscriber: at every start the same would wake agents again.
    if (retained) this.#refusals.note('retained', noted, 'a retained message wakes no agent; clear it');
    else if (payload.length > topics.wake.maxBytes)
      this.#refusals.note(
        'too-large',
        noted,
        `a message that wakes agents has more than ${topics.wake.maxBytes} bytes`,
      );
    else void this.#fire({ kind: 'topic', topic: parsed.params.below as string, text: payload.toString('utf8') });
    return true;
  }

  /** `key`: of the caller, for a call that may come twice. */
  called(webhook: { id: string; name: string }, text: string, key: string | null): Promise<Woken[]> {
    const call = key === null ? null : `hook:${webhook.id}:${key}`;
    return this.#fire({ kind: 'webhook', webhook: webhook.name, text }, call);
  }

  #note({ agents, events }: Touched): void {
    for (const id of agents) this.#look(id);
    for (const event of events) if (mayWake(event.type)) this.#happened(event);
  }
  #happened(event: FleetEvent): void {
    const { view } = this.#coordinator ?? {};
    if (!view || this.#listening.size === 0) return;
    const agent = event.agent === null ? null : agentNameOf(view, event.agent);
    void this.#fire({ kind: 'event', event, agent });
  }

  /** A trigger that stayed as it was keeps its figures, and its rest. */
  #look(id: string): void {
    const spec = this.#coordinator?.view.agents.get(id)?.spec;
    const before = this.#listening.get(id);
    if (spec === before?.spec) return;
    const own = spec ? ownTriggers(spec.triggers) : [];
    if (!spec || own.length === 0) {
      this.#listening.delete(id);
      return;
    }
    const fresh = {
      fired: 0,
      rested: 0,
      refused: 0,
      lastMs: null,
      problem: null,
      restsUntilMs: 0,
      call: null,
      task: null,
    };
    const triggers = own.map(({ at, trigger }) => {
      const same = before?.triggers.find((each) => JSON.stringify(each.trigger) === JSON.stringify(trigger));
      return { ...(same ?? fresh), at, trigger };
    });
    this.#listening.set(id, { spec, triggers });
  }

  #fire(came: Came, call: string | null = null): Promise<Woken[]> {
    const made: Promise<Woken>[] = [];
    for (const [agent, { triggers }] of this.#listening)
      for (const waiting of triggers)
        if (wakes(waiting.trigger, came)) made.push(this.#ask(agent, waiting, came, call));
    return Promise.all(made);
  }

  /** Never rejects. */
  async #ask(agent: string, waiting: Waiting, came: Came, call: string | null): Promise<Woken> {
    const { clock, random } = this.#parts;
    const coordinator = this.#coordinator;
    const { trigger, at } = waiting;
    const row = coordinator?.view.agents.get(agent);
    const name = row?.spec.name ?? agent;
    if (!coordinator || !row) return { agent: name, task: null, text: 'The coordinator is stopping.' };
    const nowMs = clock.monotonicMs();
    waiting.lastMs = clock.nowMs();
    if (call !== null && waiting.call === call) return { agent: name, task: waiting.task, text: 'It is asked.' };
    if (nowMs < waiting.restsUntilMs) {
      waiting.rested++;
      this.#figures.rested++;
      return { agent: name, task: null, text: `${name} was asked less than ${restMsOf(trigger) / 1000} s ago.` };
    }
    if (this.#underWay >= maxUnderWay) return this.#refuse(waiting, name, 'Too much comes at once.');
    // At once: what comes while the task is stored meets the rest.
    waiting.restsUntilMs = nowMs + restMsOf(trigger);
    this.#underWay++;
    try {
      const outcome = await coordinator.submit('task-submit', {
        by: { ...coordinatorSelf, space: row.space, roles: [], name: askerName(trigger, name) },
        id: sortableId(clock.nowMs(), random),
        agent,
        origin: 'trigger',
        // What was said before does not go along: it is not a conversation.
        request: {
          prompt: filledPrompt(trigger.prompt, valuesOf(came)),
          turns: [],
          ...(call === null ? {} : { idempotencyKey: `hook:${sha256Hex(`${call}:${agent}:${at}`).slice(0, 40)}` }),
        },
      });
      if (!outcome.ok) return this.#refuse(waiting, name, outcome.details.detail ?? outcome.code);
      waiting.fired++;
      waiting.call = call;
      waiting.task = outcome.value.id;
      this.#figures.fired++;
      return { agent: name, task: outcome.value.id, text: 'It is asked.' };
    } catch (error) {
      return this.#refuse(waiting, name, (error instanceof FleetError ? error : new FleetError('internal')).message);
    } finally {
      this.#underWay--;
    }
  }
  #refuse(waiting: Waiting, agent: string, text: string): Woken {
    waiting.refused++;
    waiting.problem = text;
    this.#figures.refused++;
    this.#refusals.note('trigger', { agent, why: text.slice(0, 300) }, 'a trigger could not ask its agent');
    return { agent, task: null, text };
  }
}
