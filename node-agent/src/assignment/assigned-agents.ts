// The agents that run on this node, as the assignment wants them: started, changed and stopped with their triggers, and whether each may act
// outside now. In: deltas and snapshots from the coordinator, the stored assignment at the start. Out: running agents, the models that they
// need, and the logs that they release. An agent that was removed never acts outside again, also while its last turn still ends.
import { type AssignedAgent, type AssignmentDelta, type AssignmentSnapshot, idOf } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { RunningAgent } from '../agents/agent.ts';
import type { NodeMemory } from '../memory/node-memory.ts';
import type { ModelPool } from '../models/model-pool.ts';
import { type AgentTriggers, createAgentTriggers } from './agent-triggers.ts';
import type { AssignmentStore } from './assignment-store.ts';
import type { Licence } from './licence.ts';
import { createPinTriggers, type TriggeringPins } from './pin-triggers.ts';

interface AssignedAgentsParts {
  assignments: AssignmentStore;
  licence: Licence;
  createAgent: (assigned: AssignedAgent, mayActOutside: () => boolean) => RunningAgent;
  pool: Pick<ModelPool, 'want' | 'drop'>;
  memory: Pick<NodeMemory, 'release' | 'leave'>;
  /** A trigger of the agent fires. Out: the task that it began; null: none. */
  fire: (assigned: AssignedAgent, prompt: string) => string | null;
  isUnderWay: (task: string) => boolean;
  node: string;
  /** The pins of this node; null: it has none. */
  board: TriggeringPins | null;
  onRemoved: (agent: RunningAgent) => void;
  clock: Clock;
  log: Log;
}

const stopGraceMs = 3000;
const fenceGraceMs = 0;
const anyEpoch = Number.POSITIVE_INFINITY;

export class AssignedAgents {
  readonly #parts: AssignedAgentsParts;
  readonly #running = new Map<string, RunningAgent>();
  readonly #triggers: AgentTriggers;
  /** Until when an agent that came from another node may not act outside. */
  readonly #quietUntilMs = new Map<string, number>();
  /** Earlier versions of agents whose last turns still end. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(parts: AssignedAgentsParts) {
    this.#parts = parts;
    const { node, board: pins, isUnderWay, clock, log, assignments, fire } = parts;
    const pinTriggers = createPinTriggers({ node, pins, clock, fire, isUnderWay });
    this.#triggers = createAgentTriggers({ clock, log, assignments, fire, pins: pinTriggers });
  }

  /** By id. */
  get running(): ReadonlyMap<string, RunningAgent> {
    return this.#running;
  }

  /** Starts the agents of the stored assignment. */
  start(): void {
    const { assignments, log } = this.#parts;
    const stored = assignments.agents();
    if (stored.length > 0)
      log.info(
        { agents: stored.length, generation: assignments.generation },
        'agents start from the stored assignment',
      );
    for (const assigned of stored) this.#run(assigned);
  }

  async stop(): Promise<void> {
    this.#triggers.stopAll();
    await Promise.all([...this.#running.values()].map((agent) => agent.stop(stopGraceMs)));
  }

  /** `gap`: it does not start at this node's generation, and the snapshot is needed. */
  applyDelta(delta: AssignmentDelta): 'applied' | 'known' | 'gap' {
    const { assignments, licence } = this.#parts;
    if (delta.to <= assignments.generation) return 'known';
    // Before the delta is written: a disk that refuses writes must not leave an agent free to act outside.
    licence.told(delta.to, assignments.generation);
    const follows = assignments.applyDelta(delta);
    licence.told(delta.to, assignments.generation);
    if (!follows) return 'gap';
    for (const { agent, epoch } of delta.remove) this.#remove(agent, epoch);
    for (const assigned of delta.put) this.#run(assigned);
    return 'applied';
  }

  /** False: further parts of the snapshot are to come, or it is an old one. */
  applySnapshot(part: AssignmentSnapshot): boolean {
    const { assignments, licence } = this.#parts;
    licence.told(part.generation, assignments.generation);
    const isWhole = assignments.applySnapshot(part);
    if (isWhole) this.#adopt(assignments.agents());
    licence.told(part.generation, assignments.generation);
    return isWhole;
  }

  removeAll(): void {
    for (const id of [...this.#running.keys()]) this.#remove(id, anyEpoch);
  }

  /** Sets the zone of triggers that name none. */
  meanZone(timeZone: string): void {
    this.#triggers.meanZone(
      timeZone,
      [...this.#running.values()].map(({ assigned }) => assigned),
    );
  }

  /** The triggers that do not fire as intended, with reasons. */
  triggerTroubles(): string[] {
    return this.#triggers.troubles();
  }

  /** An agent that may run on another node by now may not act outside. */
  mayActOutside(assigned: AssignedAgent): boolean {
    // The agent was removed here: a turn that may still end in its grace may not act outside any more.
    const id = idOf(assigned);
    if (this.#running.get(id)?.assigned.epoch !== assigned.epoch) return false;
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < (this.#quietUntilMs.get(id) ?? nowMs)) return false;
    return assigned.spec.onLoss.policy === 'keep' || this.#parts.licence.holds;
  }

  #adopt(wanted: AssignedAgent[]): void {
    const ids = new Set(wanted.map(idOf));
    for (const id of [...this.#running.keys()]) if (!ids.has(id)) this.#remove(id, anyEpoch);
    for (const assigned of wanted) this.#run(assigned);
  }

  #run(assigned: AssignedAgent): void {
    const id = idOf(assigned);
    const running = this.#running.get(id);
    if (running) {
      const { epoch, version, model, spec } = running.assigned;
      if (assigned.epoch < epoch) return;
      // A new version would cut off what it still works on; if the agent stays after all, that is put here again.
      if (assigned.epoch === epoch && assigned.leaving !== undefined) {
        if (assigned.leaving !== running.assigned.leaving) this.#setLeaving(id, running, assigned);
        return;
      }
      const isSame = assigned.epoch === epoch && assigned.version === version && assigned.model === model;
      // A coordinator that took this node for an older one sent the name as the id.
      if (isSame && assigned.spec.name === spec.name) {
        if (assigned.quietMs === undefined) this.#quietUntilMs.delete(id);
        if (assigned.leaving !== running.assigned.leaving) this.#setLeaving(id, running, assigned);
        return;
      }
      this.#end(id, running, assigned.epoch > epoch ? fenceGraceMs : stopGraceMs);
    }
    this.#triggers.stop(id);
    if (assigned.quietMs === undefined) this.#quietUntilMs.delete(id);
    else this.#quietUntilMs.set(id, this.#parts.clock.monotonicMs() + assigned.quietMs);
    const agent = this.#parts.createAgent(assigned, () => this.mayActOutside(assigned));
    this.#running.set(id, agent);
    this.#parts.pool.want(id, assigned.model);
    if (assigned.leaving !== undefined) {
      this.#setLeaving(id, agent, assigned);
      return;
    }
    // The version before may have been about to leave.
    this.#parts.memory.leave(id, assigned.epoch, null);
    this.#triggers.start(assigned);
  }

  #end(id: string, agent: RunningAgent, graceMs: number): void {
    const before = this.#ending.get(id);
    const ended = Promise.all([before, agent.stop(graceMs)]).then(() => {
      if (this.#ending.get(id) === ended) this.#ending.delete(id);
    });
    this.#ending.set(id, ended);
  }

  /** The agent is about to leave this node, or stays after all. What runs ends and writes its memories, then the log is told. [INV-planned-move] */
  #setLeaving(id: string, agent: RunningAgent, assigned: AssignedAgent): void {
    const { memory } = this.#parts;
    const { epoch, leaving } = assigned;
    const { leaving: _, ...before } = agent.assigned;
    agent.assigned = leaving === undefined ? before : { ...before, leaving };
    agent.leaving = leaving !== undefined;
    if (leaving === undefined) {
      memory.leave(id, epoch, null);
      this.#triggers.start(assigned);
      return;
    }
    this.#triggers.stop(id);
    void Promise.all([this.#ending.get(id), agent.idle()]).then(() => {
      if (this.#running.get(id) === agent && agent.assigned.leaving === leaving) memory.leave(id, epoch, leaving);
    });
  }

  #remove(id: string, epoch: number): void {
    const agent = this.#running.get(id);
    if (!agent || agent.assigned.epoch > epoch) return;
    this.#running.delete(id);
    this.#quietUntilMs.delete(id);
    this.#parts.pool.drop(id);
    this.#triggers.stop(id);
    // Running turns may end and write memories before the log is released.
    void agent.stop(stopGraceMs).then(() => {
      if (this.#running.get(id)?.assigned.epoch !== agent.assigned.epoch)
        this.#parts.memory.release(id, agent.assigned.epoch);
    });
    this.#parts.onRemoved(agent);
  }
}
