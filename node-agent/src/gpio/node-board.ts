// The board of this node: its pins, sensors and camera, as far as its owner lists them. In: the list, and what reaches the pins. Out: what agents
// may be granted here, acts for their tools, edges for triggers, the light of identify and the button that drains, and faults in words.
import type { Board, BoardPin as PinFacts, PinStand } from '@blackroad/protocol';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { BoardTools } from '../agents/tools/board.ts';
import { BoardPin } from './board-pin.ts';
import { type Camera, createCamera } from './camera.ts';
import { findPins } from './find-pins.ts';
import { PinError, type Pins } from './pins.ts';
import { type PinList, readPins } from './pins-file.ts';
import { quantityInWords, readSensor, sensorProblem } from './sensors.ts';

interface NodeBoardParts {
  list: PinList;
  clock: Clock;
  random: Random;
  log: Log;
  /** The root of the files of sensors. */
  root?: string;
  camera?: Camera;
}

/** So long a button is held before it drains. */
const heldMs = 2_000;
const blinkMs = 250;
/** The node does not wait longer for its pins. */
const openMs = 30_000;

/** Null: the owner lists none. @throws OptionError */
export function boardHere(path: string, parts: Omit<NodeBoardParts, 'list'>): NodeBoard | null {
  const list = readPins(path);
  return list && new NodeBoard({ list, ...parts });
}

export class NodeBoard implements BoardTools {
  readonly #parts: NodeBoardParts;
  readonly #pins: ReadonlyMap<string, BoardPin>;
  readonly #camera: Camera;
  #back: Pins | null = null;
  /** Of sensors, by name, with what is missing. */
  readonly #missing = new Map<string, string>();
  #isStarted = false;
  #isLit = false;
  /** What the light is to be next; null: it is so. */
  #wanted: boolean | null = null;
  #isSetting = false;
  #blinking: Timer | null = null;
  #blinkEnds: Timer | null = null;
  #pressed: Timer | null = null;
  #stopListening: (() => void) | null = null;
  /** What agents may be granted, or what is wrong, is another now. */
  onNews: () => void = () => {};
  /** The button that drains was held. */
  onHeld: () => void = () => {};

  constructor(parts: NodeBoardParts) {
    this.#parts = parts;
    const { list, clock, random, log } = parts;
    this.#camera = parts.camera ?? createCamera();
    const onNews = (name: string, problem: string | null) => {
      if (problem === null) log.info({ pin: name }, 'a pin can be used');
      else log.warn({ pin: name, problem }, 'a pin cannot be used');
      // What was tried once is told with the rest.
      if (this.#isStarted) this.onNews();
    };
    const pins = () => this.#back as Pins;
    this.#pins = new Map(
      list.pins.map((listed) => [listed.name, new BoardPin({ listed, pins, clock, random, onNews })]),
    );
  }

  /** Resolves when every pin was tried once, or after so long: what is open later is told then. */
  async start(): Promise<void> {
    await Promise.race([this.#open(), sleep(this.#parts.clock, openMs)]);
    this.#isStarted = true;
    this.#stopListening = this.#withRole('drain')?.listen((on) => this.#button(on)) ?? null;
  }
  async #open(): Promise<void> {
    const { list, clock, root } = this.#parts;
    this.#back = await findPins(list, clock);
    // One after the other: each may take several programs, which a Pi Zero has no room for at once.
    for (const pin of this.#pins.values()) await pin.start();
    for (const sensor of list.sensors) {
      const problem = await sensorProblem(sensor, root);
      if (problem !== null) this.#missing.set(sensor.name, problem);
    }
  }
  async stop(): Promise<void> {
    this.#stopListening?.();
    this.#pressed?.cancel();
    this.#endBlink();
    await Promise.all([...this.#pins.values()].map((pin) => pin.stop()));
    await this.#back?.close();
  }

  /** What reaches the pins, for people. */
  get label(): string {
    return this.#back?.label ?? 'nothing';
  }
  /** Whether a pin is listed as the light of `identify`. */
  get hasLight(): boolean {
    return this.#withRole('identify') !== null;
  }
  /** Pins with a role are for the node itself. */
  granted(): Board {
    const { list } = this.#parts;
    return {
      pins: [...this.#pins.values()]
        .filter(({ role, isThere }) => role === undefined && isThere)
        .map(({ name }) => name),
      sensors: list.sensors.map(({ name }) => name).filter((name) => !this.#missing.has(name)),
      camera: list.camera && this.#camera.problem() === null,
    };
  }
  facts(): PinFacts[] {
    return [...this.#pins.values()].map(({ facts }) => facts);
  }
  stands(): PinStand[] {
    return [...this.#pins.values()].map(({ stand }) => stand);
  }
  /** What is wrong, for the page of the node. */
  notes(): string[] {
    const { list } = this.#parts;
    const pins = [...this.#pins.values()].flatMap(({ name, problem }) =>
      problem === null ? [] : [`Pin ${name}: ${problem}`],
    );
    const sensors = [...this.#missing.values()].map((problem) => `Sensor ${problem}`);
    const camera = list.camera ? this.#camera.problem() : null;
    return [...pins, ...sensors, ...(camera === null ? [] : [camera])];
  }

  /** Of an agent's pin: why it is not to be had here; null: it is. */
  lack(name: string): string | null {
    const pin = this.#pins.get(name);
    if (!pin) return `this node has no pin ${name}; its owner can list one (--pins)`;
    if (pin.role !== undefined) return `the pin ${name} is for the node itself (role ${pin.role})`;
    return pin.problem === null ? null : `pin ${name}: ${pin.problem}`;
  }
  directionOf(name: string): 'in' | 'out' | null {
    return this.#pins.get(name)?.direction ?? null;
  }
  async read(name: string): Promise<boolean> {
    return this.#own(name).read();
  }
  async write(
    name: string,
    on: boolean,
    by: { id: string; name: string },
  ): Promise<{ heldBy: string; forMs: number } | null> {
    return this.#own(name).write(on, by);
  }
  /** The first settled change, or null after so long. Rejects with the reason of the signal. */
  async edge(
    name: string,
    edge: 'rising' | 'falling' | 'both',
    forMs: number,
    signal: AbortSignal,
  ): Promise<boolean | null> {
    const pin = this.#own(name);
    // What is not there is never seen to change.
    await pin.read();
    return new Promise((resolve, reject) => {
      const { clock } = this.#parts;
      const end = () => {
        stop?.();
        late.cancel();
        signal.removeEventListener('abort', aborted);
      };
      const aborted = () => {
        end();
        reject(signal.reason);
      };
      const late = clock.after(forMs, () => {
        end();
        resolve(null);
      });
      const stop = pin.listen((on) => {
        if (edge !== 'both' && on !== (edge === 'rising')) return;
        end();
        resolve(on);
      });
      if (!stop) {
        end();
        reject(new PinError('failed', `too many wait for pin ${name} already`));
      } else if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
    });
  }
  /** For a trigger: also while the pin is away, and when it is back. */
  listen(name: string, onEdge: (on: boolean) => void): (() => void) | null {
    return this.#pins.get(name)?.listen(onEdge) ?? null;
  }
  /** The agent runs here no more. */
  letGo(agent: string): void {
    for (const pin of this.#pins.values()) pin.letGo(agent);
  }
  /** In words. @throws Error */
  async sensor(name: string): Promise<string> {
    const { list, clock, root } = this.#parts;
    const sensor = list.sensors.find((each) => each.name === name);
    if (!sensor) throw new Error(`this node has no sensor ${name}`);
    const values = await readSensor(sensor, clock, root);
    return `${name}: ${values.map(quantityInWords).join(', ')}.`;
  }
  /** JPEG in base64. @throws Error */
  async still(signal: AbortSignal): Promise<string> {
    return (await this.#camera.still(signal)).toString('base64');
  }

  /** Null: there is no pin with the role of a light. */
  blink(seconds: number): { ok: boolean; text: string } | null {
    const light = this.#withRole('identify');
    if (!light) return null;
    const { problem, name } = light;
    if (problem !== null) return { ok: false, text: `Pin ${name} cannot blink: ${problem}` };
    this.#blinkFor(light, seconds * 1_000, blinkMs);
    return { ok: true, text: `Pin ${name} blinks for ${seconds} s.` };
  }
  /** Lit while the node drains. */
  showDraining(isDraining: boolean): void {
    this.#isLit = isDraining;
    const light = this.#withRole('identify');
    if (light && !this.#blinking) this.#set(light, isDraining);
  }
  /** The button was held: fast, until it is known what comes of it, or for so long. */
  showAsked(forMs: number): void {
    const light = this.#withRole('identify');
    if (light) this.#blinkFor(light, forMs, blinkMs / 3);
  }
  endAsked(): void {
    this.#endBlink();
  }

  #withRole(role: 'identify' | 'drain'): BoardPin | null {
    return [...this.#pins.values()].find((pin) => pin.role === role) ?? null;
  }
  /** @throws PinError */
  #own(name: string): BoardPin {
    const pin = this.#pins.get(name);
    if (!pin || pin.role !== undefined) throw new PinError('missing', this.lack(name) ?? '');
    return pin;
  }
  #button(on: boolean): void {
    this.#pressed?.cancel();
    this.#pressed = on ? this.#parts.clock.after(heldMs, () => this.onHeld()) : null;
  }
  #blinkFor(light: BoardPin, ms: number, periodMs: number): void {
    this.#endBlink();
    const { clock } = this.#parts;
    let isOn = true;
    this.#set(light, isOn);
    this.#blinking = clock.every(periodMs, () => {
      isOn = !isOn;
      this.#set(light, isOn);
    });
    this.#blinkEnds = clock.after(ms, () => this.#endBlink());
  }
  #endBlink(): void {
    if (!this.#blinking) return;
    this.#blinking.cancel();
    this.#blinkEnds?.cancel();
    this.#blinking = null;
    const light = this.#withRole('identify');
    if (light) this.#set(light, this.#isLit);
  }
  /** A program that sets a line takes its time: what was wanted meanwhile and is over is not set. */
  async #catchUp(light: BoardPin): Promise<void> {
    for (let next = this.#wanted; next !== null; next = this.#wanted) {
      this.#wanted = null;
      await light.write(next, null).catch(() => {});
    }
    this.#isSetting = false;
  }
  /** Its fault shows with the pin. */
  #set(light: BoardPin, on: boolean): void {
    this.#wanted = on;
    if (this.#isSetting) return;
    this.#isSetting = true;
    void this.#catchUp(light);
  }
}
