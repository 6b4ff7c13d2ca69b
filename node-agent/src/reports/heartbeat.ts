// The heartbeat: the measurements of the machine, with what the node works on and what it has not sent yet, at the interval that the
// coordinator set. In: the probes and the parts whose figures it carries. Out: one perishable message a beat, and, connected or not, events
// on the health of the machine.
import { maxHeldInHealth } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { AssignedAgents } from '../assignment/assigned-agents.ts';
import type { AssignmentStore } from '../assignment/assignment-store.ts';
import type { NodeBoard } from '../gpio/node-board.ts';
import type { NodeMemory } from '../memory/node-memory.ts';
import type { ModelPool } from '../models/model-pool.ts';
import type { Probes } from '../probes/probes.ts';
import type { TaskRuns } from '../tasks/task-runs.ts';
import type { TellEvent } from '../transport/node-event.ts';
import type { Transport } from '../transport/transport.ts';
import { fittedHealth } from './fitted-health.ts';
import { createHealthEvents } from './health-events.ts';

interface HeartbeatParts {
  node: string;
  boot: string;
  probes: Pick<Probes, 'health'>;
  pool: Pick<ModelPool, 'loads'>;
  memory: Pick<NodeMemory, 'unacked'>;
  assignments: Pick<AssignmentStore, 'generation'>;
  agents: Pick<AssignedAgents, 'triggerTroubles'>;
  runs: Pick<TaskRuns, 'running' | 'heldKeys'>;
  /** Null: it has no pins. */
  board: Pick<NodeBoard, 'stands'> | null;
  transport: Pick<Transport, 'connected' | 'send' | 'outboxDepth'>;
  /** Called after each heartbeat that was sent. */
  onSent: () => void;
  tellEvent: TellEvent;
  clock: Clock;
  random: Random;
}

const firstIntervalMs = 10_000;

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #events: ReturnType<typeof createHealthEvents>;
  #intervalMs = firstIntervalMs;
  #timer: Timer | null = null;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#events = createHealthEvents(parts.tellEvent);
  }

  start(): void {
    const { clock, random } = this.#parts;
    this.#timer?.cancel();
    // The first beat is at a random moment of the interval: nodes that started together must not beat together.
    this.#timer = clock.after(random.next() * this.#intervalMs, () => {
      this.beat();
      this.#timer = clock.every(this.#intervalMs, () => this.beat());
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  changeInterval(intervalMs: number): void {
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    this.start();
  }

  beat(): void {
    const { node, boot, transport, memory, probes, pool, assignments, agents, runs, board, clock } = this.#parts;
    const health = probes.health();
    this.#events.look(health, clock.monotonicMs());
    if (!transport.connected) return;
    const triggerTroubles = agents.triggerTroubles();
    const pins = board?.stands() ?? [];
    transport.send(
      'nodeHealth',
      { node },
      fittedHealth({
        boot,
        atMs: clock.nowMs(),
        generation: assignments.generation,
        ...health,
        tasksRunning: runs.running,
        models: pool.loads(),
        outboxDepth: transport.outboxDepth,
        memoriesUnacked: memory.unacked,
        held: runs.heldKeys(maxHeldInHealth),
        ...(triggerTroubles.length > 0 ? { triggerTroubles } : {}),
        ...(pins.length > 0 ? { pins } : {}),
      }),
    );
    this.#parts.onSent();
  }
}
