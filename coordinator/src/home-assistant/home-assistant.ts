// The fleet in Home Assistant: publishes what it discovers devices by, and their states, over the bus that the coordinator has. In: the rows
// that batches touched, and what people say there. Out: retained messages, orders. A device is looked at again when a row of it was touched,
// and told when it changed. The work of a turn of the event loop is bounded, whatever the size of the fleet. It decides nothing.
import {
  birthTopic,
  type Checker,
  decode,
  discoveryTopic,
  encode,
  type HomeOrder,
  homeOrders,
  parseTopic,
  permissionWords,
  type TopicMessage,
  topicOf,
  topics,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Arrived, Bus, BusMessage } from '../bus/bus.ts';
import { createRefusals, type Refusals } from '../door/counted-refusals.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { EndedTask } from '../state/rows.ts';
import type { Touched } from '../state/touched.ts';
import { Devices } from './devices.ts';
import { type Device, discoveryOf, type Origin } from './discovery.ts';
import { carryOut } from './orders.ts';
import { endedOf, type FleetFigures } from './states.ts';

const beatMs = 200;
/**
 * A figure of a device is told again no sooner than this, for each device of the fleet: what a node is, and what people change, is told at
 * once. Home Assistant reads every message once for each entity of the device.
 */
const figurePerDeviceMs = 20;
const leastFigureMs = 500;
/** Of one turn of the event loop. A discovery message takes some tenths of a millisecond. */
const turnMs = 8;
/** A node that has not been heard of since the start is told of as far as it is known after this time: what its machine tells is not known. */
const settleMs = 60_000;
/** Home Assistant announces itself before it listens: everything comes again after this time, and once more. */
const birthAgainMs = 5_000;
/** The window over which everything comes again, for each device. */
const windowPerDeviceMs = 15;
const leastWindowMs = 500;
const maxOrdersUnderWay = 64;
const fleetEveryMs = 900;

export interface HomeAssistantParts {
  prefix: string;
  origin: Origin;
  clock: Clock;
  random: Random;
  log: Log;
  check: Checker;
}
interface Running {
  coordinator: Coordinator;
  devices: Devices;
}
interface HomeFigures {
  devices: number;
  sent: { discovery: number; state: number; ended: number };
  /** Components that were left out at present. */
  leftOut: number;
  births: number;
  orders: { done: number; refused: number };
}
interface Told {
  /** What the discovery message was made of. */
  about: string;
  state: string;
  /** What of the state does not wait. */
  urgent: string;
  leftOut: number;
  atMs: number;
}

export class HomeAssistant {
  readonly #parts: HomeAssistantParts;
  readonly #told = new Map<string, Told>();
  /** Devices to look at again, the longest waiting first; whether all of it is to be sent even where nothing changed. */
  readonly #due = new Map<string, boolean>();
  /** Devices of which only figures changed, with the times at which these are told. */
  readonly #resting = new Map<string, number>();
  /** Devices that come again after a birth, with their times; the last one first. */
  #again: { atMs: number; device: string }[] = [];
  readonly #sent = { discovery: 0, state: 0, ended: 0 };
  readonly #orders = { done: 0, refused: 0 };
  readonly #refusals: Refusals;
  #births = 0;
  /** Its figures are summed up at most once a second. */
  #isFleetDue = true;
  #fleetMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  #bus: Pick<Bus, 'publish'> | null = null;
  #running: Running | null = null;
  #timers: Timer[] = [];
  #stopWatching = () => {};

  constructor(parts: HomeAssistantParts) {
    this.#parts = parts;
    this.#refusals = createRefusals(parts.log, parts.clock);
  }

  /** The same bus, of which the messages for Home Assistant are kept apart. */
  around(bus: Bus): Bus {
    this.#bus = bus;
    return {
      start: (onMessage, presence) =>
        bus.start(
          (message) => {
            if (!this.arrived(message)) onMessage(message);
          },
          (state) => {
            // A broker that was away may have lost what was retained.
            if (state === 'online') this.#tellAgain();
            return presence(state);
          },
        ),
      publish: (messages) => bus.publish(messages),
      disconnect: (node) => bus.disconnect(node),
      stats: () => bus.stats(),
      stop: () => bus.stop(),
    };
  }

  start({ coordinator, figures }: { coordinator: Coordinator; figures: () => FleetFigures }): void {
    const { clock, origin } = this.#parts;
    const { view } = coordinator;
    const settledMs = clock.monotonicMs() + settleMs;
    const devices = new Devices({ coordinator, figures, version: origin.version, clock, settledMs });
    this.#running = { coordinator, devices };
    this.#stopWatching = coordinator.watch((touched) => this.#note(touched));
    const lookAtNodes = () => {
      for (const id of view.nodes.keys()) this.#look(`node-${id}`);
    };
    lookAtNodes();
    for (const [id, { spec }] of view.agents) if (spec.homeAssistant) this.#agentCame(id, devices);
    this.#timers = [clock.every(beatMs, () => this.#beat()), clock.after(settleMs, lookAtNodes)];
  }

  stop(): void {
    this.#stopWatching();
    for (const timer of this.#timers) timer.cancel();
    this.#running = null;
  }

  get figures(): HomeFigures {
    let leftOut = 0;
    for (const told of this.#told.values()) leftOut += told.leftOut;
    return {
      devices: this.#told.size,
      sent: { ...this.#sent },
      leftOut,
      births: this.#births,
      orders: { ...this.#orders },
    };
  }

  /** Whether the message was one for Home Assistant. */
  arrived(message: Arrived): boolean {
    const { topic, payload, retained, refused } = message;
    if (topic === birthTopic(this.#parts.prefix)) {
      // Its own will says `offline`, and a retained birth is one of before.
      if (payload.toString('utf8', 0, 20) === 'online' && !retained) this.#tellAgain(true);
      return true;
    }
    const parsed = parseTopic(topic);
    if (parsed?.name !== 'homeSet') return false;
    if (retained) return true;
    const { device = '', order = '' } = parsed.params;
    if (refused === undefined) void this.#carryOut(message, device, order);
    else this.#refuse(device, order, ofBroker);
    return true;
  }

  async #carryOut({ topic, payload, by }: Arrived, device: string, order: string): Promise<void> {
    const { clock, random, check, log } = this.#parts;
    const { coordinator } = this.#running ?? {};
    if (!coordinator) return;
    const decoded = decode(topic, payload, check);
    if ('refused' in decoded) return this.#refuse(device, order, decoded.text);
    const node = device.startsWith('node-') ? device.slice('node-'.length) : '';
    if (!coordinator.view.nodes.has(node)) return this.#refuse(device, order, `There is no device ${device}.`);
    const known = homeOrders.find((each) => each === order);
    if (known === undefined) return this.#refuse(device, order, `expected one of ${homeOrders.join(', ')}`);
    if (this.#underWay >= maxOrdersUnderWay) return this.#refuse(device, order, 'too many orders are under way');
    this.#underWay++;
    const { wanted } = decoded.message as TopicMessage<'homeSet'>;
    const given = { order: known satisfies HomeOrder, node, wanted, by };
    try {
      await carryOut(given, { coordinator, clock, random });
      this.#orders.done++;
      log.info({ node, order, wanted, by: by?.name }, 'an order from Home Assistant was carried out');
    } catch (error) {
      this.#refuse(device, order, (error as Error).message);
    } finally {
      this.#underWay--;
    }
  }
  /** A switch that was moved there is told the truth. */
  #refuse(device: string, order: string, reason: string): void {
    this.#orders.refused++;
    const about = { device: device.slice(0, 80), order: order.slice(0, 40), why: reason.slice(0, 300) };
    this.#refusals.note('order', about, 'an order from Home Assistant was not carried out');
    if (this.#told.has(device)) this.#due.set(device, true);
  }

  #note(touched: Touched): void {
    const running = this.#running;
    if (!running) return;
    const { devices } = running;
    const { view } = running.coordinator;
    for (const id of touched.nodes) {
      this.#look(`node-${id}`);
      if (!devices.hasAgents) continue;
      for (const agent of view.agentsByNode.get(id) ?? []) if (devices.isAgent(agent)) this.#look(`agent-${agent}`);
    }
    for (const id of touched.agents) this.#noteAgent(id, running);
    for (const task of touched.ended) this.#noteEnd(task, running);
    this.#isFleetDue = true;
  }
  #noteAgent(id: string, { coordinator: { view }, devices }: Running): void {
    const isIn = view.agents.get(id)?.spec.homeAssistant === true;
    if (isIn && !devices.isAgent(id)) this.#agentCame(id, devices);
    else if (devices.isAgent(id)) {
      if (!isIn) devices.agentGone(id);
      this.#look(`agent-${id}`);
    }
  }
  #agentCame(id: string, devices: Devices): void {
    devices
      .agentCame(id)
      .catch((error) => this.#parts.log.warn({ err: error }, 'the last answer of an agent could not be read'))
      .finally(() => this.#look(`agent-${id}`));
  }
  #noteEnd(task: EndedTask, { devices }: Running): void {
    devices.ended(task);
    if (task.node !== null) this.#look(`node-${task.node}`);
    if (!devices.isAgent(task.agent)) return;
    const device = `agent-${task.agent}`;
    // The answer is there when the event comes.
    this.#look(device);
    if (this.#tell(device, false, devices)) this.#due.delete(device);
    const ended = endedOf(task);
    if (ended && this.#publish([encode('homeEnded', { device }, ended)])) this.#sent.ended++;
  }

  #look(device: string): void {
    if (!this.#due.has(device)) this.#due.set(device, false);
  }

  /** Everything comes again, spread over a window by the size of the fleet, and after a birth once more. */
  #tellAgain(isBirth = false): void {
    const { clock, random, log } = this.#parts;
    const nowMs = clock.monotonicMs();
    const devices = [...this.#told.keys()];
    const windowMs = Math.max(leastWindowMs, devices.length * windowPerDeviceMs);
    const begins = isBirth ? [nowMs, nowMs + windowMs + birthAgainMs] : [nowMs];
    this.#again = begins
      .flatMap((fromMs) => devices.map((device) => ({ atMs: fromMs + random.next() * windowMs, device })))
      .sort((a, b) => b.atMs - a.atMs);
    if (!isBirth) return;
    this.#births++;
    log.info({ devices: devices.length, windowMs }, 'Home Assistant has announced itself: it is told everything again');
  }

  #beat(): void {
    const { clock } = this.#parts;
    const { devices } = this.#running ?? {};
    if (!devices) return;
    const startMs = clock.monotonicMs();
    for (const node of devices.turn()) this.#look(`node-${node}`);
    if (this.#isFleetDue && startMs - this.#fleetMs >= fleetEveryMs) {
      this.#isFleetDue = false;
      this.#fleetMs = startMs;
      this.#look('fleet');
    }
    for (let next = this.#again.at(-1); next && next.atMs <= startMs; next = this.#again.at(-1)) {
      this.#again.pop();
      this.#due.set(next.device, true);
    }
    for (const [device, atMs] of this.#resting) {
      if (atMs > startMs) continue;
      this.#resting.delete(device);
      this.#look(device);
    }
    for (const [device, isWhole] of this.#due) {
      if (clock.monotonicMs() - startMs > turnMs) {
        clock.soon(() => this.#beat());
        return;
      }
      this.#due.delete(device);
      if (this.#tell(device, isWhole, devices)) continue;
      // The broker is away, and its queue is full: later.
      this.#due.set(device, isWhole || (this.#due.get(device) ?? false));
      return;
    }
  }

  /** False: the bus took nothing. */
  #tell(device: string, isWhole: boolean, devices: Devices): boolean {
    const about = devices.about(device);
    if (about === 'later') return true;
    if (about === null) return this.#takeAway(device);
    const nowMs = this.#parts.clock.monotonicMs();
    const told = this.#told.get(device) ?? noneTold;
    const made = JSON.stringify(about.device, (_, value) => (value instanceof Set ? [...value] : value));
    const messages: BusMessage[] = [];
    const isNew = isWhole || made !== told.about;
    let { leftOut } = told;
    if (isNew) {
      const discovery = this.#discover(about.device);
      leftOut = discovery.leftOut.length;
      if (discovery.payload !== null)
        messages.push({
          topic: discoveryTopic(this.#parts.prefix, device),
          payload: discovery.payload,
          qos: 1,
          retain: true,
        });
    }
    const state = encode('homeState', { device }, about.state);
    const urgent = urgentOf(about.state);
    const isOther = isWhole || state.payload !== told.state;
    if (isOther && !isWhole && urgent === told.urgent) {
      const restMs = Math.max(leastFigureMs, this.#told.size * figurePerDeviceMs);
      if (nowMs < told.atMs + restMs) {
        this.#resting.set(device, told.atMs + restMs);
        return true;
      }
    }
    if (isOther) messages.push(state);
    if (messages.length === 0) return true;
    if (!this.#publish(messages)) return false;
    this.#told.set(device, { about: made, state: state.payload, urgent, leftOut, atMs: nowMs });
    if (isNew) this.#sent.discovery++;
    if (isOther) this.#sent.state++;
    return true;
  }
  #discover(device: Device) {
    const { origin, check } = this.#parts;
    const discovery = discoveryOf(device, origin, check);
    for (const { component, why } of discovery.leftOut)
      this.#refusals.note(
        'component',
        { device: device.device, component, why },
        'Home Assistant would refuse the device for this component: it is left out',
      );
    return discovery;
  }
  #takeAway(device: string): boolean {
    if (!this.#told.has(device)) return true;
    const topics = [discoveryTopic(this.#parts.prefix, device), topicOf('homeState', { device })];
    if (!this.#publish(topics.map((topic) => ({ topic, payload: '', qos: 1, retain: true })))) return false;
    this.#told.delete(device);
    return true;
  }
  #publish(messages: BusMessage[]): boolean {
    try {
      this.#bus?.publish(messages);
      return true;
    } catch {
      return false;
    }
  }
}

/** The broker's own words are for questions. */
const ofBroker = `the broker refused it: the key lacks ${permissionWords(topics.homeSet.needs)}, or it sends too much or too often`;
const noneTold: Told = { about: '', state: '', urgent: '', leftOut: 0, atMs: Number.NEGATIVE_INFINITY };
/** The figures that rise and fall by themselves are the others. */
function urgentOf(state: TopicMessage<'homeState'>): string {
  if (state.type === 'fleet') return '';
  if (state.type === 'agent') return JSON.stringify(state);
  const { state: presence, throttled, powerWeak, trouble, conditions, cordoned, nodeAgent, models } = state;
  const codes = conditions.length;
  return JSON.stringify([presence, throttled, powerWeak, trouble, codes, cordoned, nodeAgent, models]);
}
