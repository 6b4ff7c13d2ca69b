// The devices that Home Assistant has of the fleet: each node, the fleet, and the agents that ask for it. In: the view, ends of tasks. Out: of
// a device what it is and its present state. It keeps what the view does not have: the last answers, tokens a second, what machines told.
import type { TopicMessage } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Coordinator } from '../road/coordinator.ts';
import type { EndedTask } from '../state/rows.ts';
import type { Trait } from './components.ts';
import type { Device } from './discovery.ts';
import {
  agentStateOf,
  type FleetFigures,
  fleetStateOf,
  isForAll,
  lastForAll,
  nodeStateOf,
  traitsOf,
} from './states.ts';
import { TokenRates } from './token-rates.ts';

const maxLastTasks = 50;

interface About {
  device: Device;
  state: TopicMessage<'homeState'>;
}
interface DevicesParts {
  coordinator: Pick<Coordinator, 'view' | 'store' | 'policy'>;
  figures: () => FleetFigures;
  version: string;
  clock: Clock;
  /** From this monotonic time on a node is told of although it was not heard of since the start. */
  settledMs: number;
}

export class Devices {
  readonly #parts: DevicesParts;
  /** The last end of each agent that is a device. */
  readonly #last = new Map<string, EndedTask | null>();
  readonly #rates: TokenRates;
  /** What the machines of nodes that were heard of have told. An entity that is left out of a later message would be removed. */
  readonly #traits = new Map<string, Set<Trait>>();

  constructor(parts: DevicesParts) {
    this.#parts = parts;
    this.#rates = new TokenRates(parts.clock.nowMs());
  }

  isAgent(id: string): boolean {
    return this.#last.has(id);
  }
  get hasAgents(): boolean {
    return this.#last.size > 0;
  }
  agentGone(id: string): void {
    this.#last.delete(id);
  }
  /** Reads the last answer, as it was given before this start too. */
  async agentCame(agent: string): Promise<void> {
    this.#last.set(agent, null);
    const last = lastForAll(await this.#parts.coordinator.store.tasks({ agent, limit: maxLastTasks }));
    // One that ended meanwhile is newer.
    if (this.#last.get(agent) === null) this.#last.set(agent, last);
  }

  ended(task: EndedTask): void {
    const { node, usage, agent } = task;
    if (node !== null && usage) this.#rates.add(node, usage.completionTokens);
    if (!this.#last.has(agent) || !isForAll(task)) return;
    const { images: _, trace: __, turns: ___, ...kept } = task;
    this.#last.set(agent, kept);
  }
  /** Returns the nodes whose tokens a second changed by time alone. */
  turn(): string[] {
    return this.#rates.turn(this.#parts.clock.nowMs());
  }

  /** Null: there is no such device any more; later: what its machine tells is not known yet. */
  about(device: string): About | 'later' | null {
    if (device === 'fleet') return this.#fleet();
    return device.startsWith('node-')
      ? this.#node(device.slice('node-'.length), device)
      : this.#agent(device.slice('agent-'.length), device);
  }
  #fleet(): About {
    const { coordinator, figures, version } = this.#parts;
    const name = coordinator.policy.fleetName;
    const traits = new Set<Trait>();
    return {
      device: { kind: 'fleet', device: 'fleet', name, model: 'Fleet', version, traits },
      state: fleetStateOf(figures(), this.#rates.all()),
    };
  }
  #node(id: string, device: string): About | 'later' | null {
    const { view } = this.#parts.coordinator;
    const row = view.nodes.get(id);
    if (!row) {
      this.#traits.delete(id);
      return null;
    }
    const live = view.live.get(id);
    const isKnown = live?.health || this.#traits.has(id);
    if (!isKnown && this.#parts.clock.monotonicMs() < this.#parts.settledMs) return 'later';
    const traits = new Set([...(this.#traits.get(id) ?? []), ...traitsOf(row, live)]);
    this.#traits.set(id, traits);
    const state = nodeStateOf(view, row, this.#rates.of(id));
    const model = row.info?.board ?? row.class;
    const version = state.nodeAgent.installed_version ?? '';
    return { device: { kind: 'node', device, name: id, model, version, node: id, traits }, state };
  }
  #agent(id: string, device: string): About | null {
    const { view } = this.#parts.coordinator;
    const row = view.agents.get(id);
    if (!row?.spec.homeAssistant) return null;
    const state = agentStateOf(view, row, this.#last.get(id) ?? null);
    const { name } = row.spec;
    const traits = new Set<Trait>();
    return { device: { kind: 'agent', device, name, model: 'Agent', version: '', agent: name, traits }, state };
  }
}
