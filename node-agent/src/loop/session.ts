// The session with the coordinator on the present connection: the hello, repeated until its welcome comes, and which coordinator answers. In:
// the connection that is up or down, welcomes and the fleet's state. Out: hellos, the coordinator's time, and the renewal of the licence.
// Another coordinator behind the same broker, and a message that seems old, are answered with a hello.
import { everyAbility, maxHeldTasks, type TopicMessage, type Welcome } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { AssignmentStore } from '../assignment/assignment-store.ts';
import type { Licence } from '../assignment/licence.ts';
import type { MachineIdentity } from '../probes/hardware.ts';
import type { TaskRuns } from '../tasks/task-runs.ts';
import type { Transport } from '../transport/transport.ts';

interface SessionParts {
  node: string;
  boot: string;
  version: string;
  machine: MachineIdentity;
  transport: Pick<Transport, 'address' | 'connected' | 'send' | 'repeat' | 'setReconnectWindow'>;
  assignments: Pick<AssignmentStore, 'generation'>;
  licence: Pick<Licence, 'connected' | 'welcomed' | 'heard'>;
  runs: Pick<TaskRuns, 'held'>;
  clock: Clock;
  random: Random;
  /** Called with the coordinator's time. */
  onTime: (nowMs: number) => void;
  /** Null: nothing would start this process again. */
  restart: (() => void) | null;
}

const { restarts: _, ...otherAbilities } = everyAbility;

const helloRetry = { firstMs: 2000, maxMs: 30_000 };
/** A dated message of the coordinator that is older is answered with a hello: it renews too little of the licence. */
const oldWordMs = 10_000;

export class Session {
  readonly #parts: SessionParts;
  readonly #startedMs: number;
  #hello: Timer | null = null;
  #helloTries = 0;
  #coordinator: string | null = null;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.uptimeMs();
  }

  up(): void {
    this.#coordinator = null;
    this.#parts.licence.connected();
    this.#helloTries = 0;
    this.#sayHello();
  }

  /** The connection is down, or the node stops. */
  down(): void {
    this.#hello?.cancel();
    this.#hello = null;
  }

  /** Whether a coordinator has answered on the present connection. */
  get isWelcome(): boolean {
    return this.#parts.transport.connected && this.#coordinator !== null;
  }

  /** False: it answers a hello of another boot. */
  welcomed(message: Welcome): boolean {
    const { boot, transport, licence, onTime } = this.#parts;
    if (message.boot !== boot) return false;
    this.#hello?.cancel();
    this.#hello = null;
    onTime(message.nowMs);
    // Another coordinator answers on the same connection, or a second hello was needed: a restart behind an external broker, or a
    // coordinator that could store nothing. Messages sent meanwhile are lost.
    const isLate = this.#coordinator !== null || this.#helloTries > 1;
    if (isLate && this.#coordinator !== message.coordinator) transport.repeat();
    this.#coordinator = message.coordinator;
    licence.welcomed(message, message.upMs === undefined ? null : this.#startedMs + message.upMs);
    return true;
  }

  heardFleetState({ state, coordinator, nowMs, reconnectWindowMs }: TopicMessage<'fleetState'>): void {
    const { transport, licence, clock, random, onTime } = this.#parts;
    transport.setReconnectWindow(reconnectWindowMs);
    // A will is dated when its connection began, and a broker may keep it for long: its time is of no use.
    if (state !== 'online') return;
    const isKnown = coordinator === this.#coordinator;
    const isOld = isKnown && licence.heard(nowMs) > oldWordMs;
    if (isKnown && !isOld) onTime(nowMs);
    if (this.#hello || (isKnown && !isOld)) return;
    // A message that seems old was buffered, or that clock was set back: only the answer to a new hello decides. [INV-one-hand]
    if (isOld) {
      this.#sayHello();
      return;
    }
    // Another coordinator took over behind the same broker: send it a hello, spread over its window.
    this.#hello = clock.after(random.next() * reconnectWindowMs, () => this.#sayHello());
  }

  /** Repeats the hello until a welcome comes: a coordinator that starts may not have subscribed yet. */
  #sayHello(): void {
    const { node, boot, version, machine, transport, assignments, runs, clock, random } = this.#parts;
    this.#hello?.cancel();
    this.#hello = null;
    if (!transport.connected) return;
    const held = runs.held().slice(0, maxHeldTasks);
    transport.send(
      'nodeHello',
      { node },
      {
        boot,
        version,
        hardware: machine.hardware,
        machine: machine.machine,
        ...(transport.address === undefined ? {} : { address: transport.address }),
        generation: assignments.generation,
        ...otherAbilities,
        ...(this.#parts.restart ? { restarts: true as const } : {}),
        upMs: clock.uptimeMs() - this.#startedMs,
        held,
      },
    );
    this.#hello = clock.after(helloRetry.firstMs + backoffMs(helloRetry, this.#helloTries++, random), () =>
      this.#sayHello(),
    );
  }
}
