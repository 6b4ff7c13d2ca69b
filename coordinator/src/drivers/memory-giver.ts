// Brings what people gave to the nodes that write it. In: committed changes, and the time. Out: inputs `memory-give` with the next orders of an
// agent, one message of an agent and of a node on its way at a time; the next one goes when its entries are in the log. What does not come is
// sent again after a pause that grows: a node writes each order once. Nothing of it is stored here: orders are rows, parts are read again.
import { type GivenMemory, maxGivenPerMessage, maxMemoryBatchBytes, type NodeAbilities } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { givenTo, waitsOf, wireOf } from '../memory/given.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { type DocumentRow, isImport } from '../state/given-rows.ts';
import type { RunRow } from '../state/run-rows.ts';
import type { View } from '../state/view.ts';

/** A memory of an import, without the number of its order. */
export type ImportedPart = Omit<GivenMemory, 'given'>;
/** A part of a document as its reader left it. */
export interface GivenPart {
  text: string;
  page: number | null;
  headings: string;
}

type Part = GivenPart | ImportedPart;

interface GiverParts {
  coordinator: Pick<Coordinator, 'submit' | 'view' | 'watch'>;
  /** All parts of a document, or of an import. */
  read: (row: DocumentRow) => Promise<readonly Part[]>;
  /** All results of a run of consolidation. */
  readResults: (row: RunRow) => Promise<readonly GivenMemory[]>;
  clock: Clock;
  random: Random;
  log: Log;
}
interface Flight {
  node: string;
  epoch: number;
  /** Of its node: another process did not get the message. */
  boot: string | null;
  /** The first order of the message: when it is no order any more, the message arrived. */
  first: string;
  tries: number;
  untilMs: number;
}

/** A node takes about as long to embed and sync a message. One that comes twice costs it a look-up; one that was lost would cost the wait. */
const again: Backoff = { firstMs: 8_000, maxMs: 240_000 };
const lookMs = 5_000;
/** Over all agents: other work goes on beside it. */
const maxFlights = 64;
/** Documents whose parts are held while they are written. */
const heldDocuments = 4;

export class MemoryGiver {
  readonly #parts: GiverParts;
  readonly #flights = new Map<string, Flight>();
  readonly #held = new Map<string, readonly Part[]>();
  readonly #stop: (() => void)[];
  /** Agents whose parts could not be read, as their file is damaged or missing: looked at again at this time. */
  readonly #unread = new Map<string, { tries: number; untilMs: number }>();
  /** Agents whose orders are being read. */
  readonly #busy = new Set<string>();

  constructor(parts: GiverParts) {
    this.#parts = parts;
    const { coordinator, clock } = parts;
    const timer = clock.every(lookMs, () => this.#lookAtAll());
    const unwatch = coordinator.watch(({ agents }) => {
      for (const agent of agents) if (hasOrders(coordinator.view, agent)) this.#look(agent);
    });
    this.#stop = [() => timer.cancel(), unwatch];
    this.#lookAtAll();
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  /** What could not be read may be readable now. */
  readAgain(): void {
    this.#unread.clear();
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    const { view } = this.#parts.coordinator;
    for (const agents of [this.#flights, this.#unread])
      for (const agent of agents.keys()) if (!hasOrders(view, agent)) agents.delete(agent);
    for (const id of this.#held.keys()) if (!view.documents.has(id)) this.#held.delete(id);
    const agents = new Set([...view.givenByAgent.keys(), ...view.unwritten.keys()]);
    for (const agent of agents) this.#look(agent);
  }

  #look(agent: string): void {
    const unread = this.#unread.get(agent);
    if (this.#busy.has(agent) || (unread && this.#parts.clock.monotonicMs() < unread.untilMs)) return;
    this.#busy.add(agent);
    this.#send(agent)
      .then(() => this.#unread.delete(agent))
      .catch((error) => this.#failed(agent, error))
      .finally(() => this.#busy.delete(agent));
  }

  #failed(agent: string, error: Error): void {
    const { clock, random, log } = this.#parts;
    const tries = (this.#unread.get(agent)?.tries ?? -1) + 1;
    this.#unread.set(agent, { tries, untilMs: clock.monotonicMs() + backoffMs(again, tries, random) });
    log.warn({ agent, err: error }, 'what was given to a memory could not be sent: it is tried again');
  }

  async #send(agent: string): Promise<void> {
    const { coordinator, clock, random } = this.#parts;
    const { view } = coordinator;
    const placement = view.agents.get(agent)?.placement;
    const { waits, node } = waitsOf(view, agent);
    const live = node === null ? undefined : view.live.get(node);
    // The next writer gets it.
    if (placement?.leaving) return;
    if (!placement || waits !== 'sent' || node === null || !live?.can?.given) return;
    // It opens the log before it says what became of the agent.
    if (view.observed.get(agent)?.epoch !== placement.epoch) return;
    const { helloBoot: boot } = live;
    const flight = this.#flights.get(agent);
    const memories = await this.#next(agent, live.can);
    const [first] = memories;
    if (!first) return;
    const isSame = flight?.first === first.given && flight.epoch === placement.epoch && flight.boot === boot;
    if (isSame && clock.monotonicMs() < flight.untilMs) return;
    if (!isSame && this.#isTaken(agent, node)) return;
    const tries = isSame ? flight.tries + 1 : 0;
    const untilMs = clock.monotonicMs() + again.firstMs + backoffMs(again, tries, random);
    this.#flights.set(agent, { node, epoch: placement.epoch, boot, first: first.given, tries, untilMs });
    await coordinator.submit('memory-give', { agent, node, epoch: placement.epoch, memories });
  }

  /** Whether others have to be first: the look at all comes back to it. */
  #isTaken(agent: string, node: string): boolean {
    if (this.#flights.size >= maxFlights && !this.#flights.has(agent)) return true;
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [other, flight] of this.#flights)
      if (other !== agent && flight.node === node && nowMs < flight.untilMs) return true;
    return false;
  }

  /** The next orders of an agent that fit one message. */
  async #next(agent: string, can: NodeAbilities): Promise<GivenMemory[]> {
    const { view } = this.#parts.coordinator;
    const memories: GivenMemory[] = [];
    let bytes = 1024;
    const takes = (memory: GivenMemory) => {
      bytes += Buffer.byteLength(JSON.stringify(memory)) + 1;
      if (memories.length >= maxGivenPerMessage || bytes > maxMemoryBatchBytes) return false;
      memories.push(memory);
      return true;
    };
    // What an older node-agent could not read waits, and the rest goes.
    for (const row of givenTo(view, agent))
      if ((row.kind !== 'value' || can.values) && !takes(wireOf(row))) return memories;
    for (const id of view.unwritten.get(agent) ?? []) {
      const run = view.runs.get(id);
      if (run && can.marks && !(await this.#takeResults(run, takes))) return memories;
      const row = view.documents.get(id);
      if (!row || memories.length >= maxGivenPerMessage || !canWrite(row, can)) continue;
      const parts = await this.#partsOf(row);
      for (let chunk = row.written + 1; chunk <= row.chunks; chunk++) {
        const part = parts[chunk - 1];
        if (!part || !takes(wirePart(row, part, chunk))) return memories;
      }
    }
    return memories;
  }

  /** False: the message is full. */
  async #takeResults(row: RunRow, takes: (memory: GivenMemory) => boolean): Promise<boolean> {
    // Read whenever a message is made: a run has few, and they may be erased meanwhile.
    const results = await this.#parts.readResults(row);
    return results.slice(row.written).every(takes);
  }

  async #partsOf(row: DocumentRow): Promise<readonly Part[]> {
    const held = this.#held.get(row.id);
    if (held) return held;
    const parts = await this.#parts.read(row);
    this.#held.set(row.id, parts);
    const [oldest] = this.#held.keys();
    if (this.#held.size > heldDocuments) this.#held.delete(oldest as string);
    return parts;
  }
}

const canWrite = (row: DocumentRow, { imports, values }: NodeAbilities): boolean =>
  (!isImport(row) || imports === true) && (row.values !== true || values === true);

function hasOrders(view: View, agent: string): boolean {
  return view.givenByAgent.has(agent) || view.unwritten.has(agent);
}

const partImportance = 0.5;
function wirePart({ id, name }: DocumentRow, part: Part, chunk: number): GivenMemory {
  if ('imported' in part) return { ...part, given: `${id}.${chunk}` };
  const { text, page, headings } = part as GivenPart;
  return {
    given: `${id}.${chunk}`,
    kind: 'document',
    text,
    tags: [name.slice(0, 60).toWellFormed()],
    importance: partImportance,
    source: `document:${id}`,
    document: { id, name, chunk, ...(page === null ? {} : { page }), ...(headings === '' ? {} : { headings }) },
  };
}
