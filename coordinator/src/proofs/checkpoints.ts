// Checkpoints of memories: every few minutes the logs that grew are read on from where the last one stood, checked, and put under one signed
// root, which the nodes that write them get. Nothing waits for it, and it computes in pieces of a few milliseconds. Between two of them some
// whole logs are verified, so that a change of the database is found without anybody asking. In: heads in the view, pages of the store. Out:
// inputs of the loop, proofs, and the faults that were found. It never signs over a log that does not verify. [INV-chain]
import {
  type AnchoredLog,
  checkpointHash,
  entryLeaf,
  FleetError,
  logLeaf,
  type MemoryFileHead,
  type MemoryProof,
  MerkleTree,
  PathCollector,
  type RouteAnswer,
  rootOf,
  type SignedCheckpoint,
  withLeaf,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { insist, type Outcome } from '../state/decision.ts';
import type { Inputs } from '../state/input.ts';
import type { AnchoredRow, MemoryHead } from '../state/memory-rows.ts';
import type { View } from '../state/view.ts';
import type { Store } from '../store/store.ts';
import { pacer } from './pacer.ts';
import { type LogFault, readLog } from './read-log.ts';
import type { SigningKey } from './signing-key.ts';
import { verifyChain } from './verify-chain.ts';

/** What a node loses with its card in between is not under a signature yet; a shorter one would only write more. */
const everyMs = 10 * 60_000;
const pageHashes = 1_000;
/** Logs that one input of the loop tells to their nodes. */
const toldAtOnce = 100;
/** Entries that are verified between two checkpoints, beside those that are new. */
const verifiedEachTime = 5_000;
/** Each reads a log from its beginning. */
const maxProofsAtOnce = 4;
const maxFaults = 1_000;

/** The tree of a checkpoint, and the place of each log in it. */
interface FleetTree {
  of: SignedCheckpoint;
  tree: MerkleTree;
  places: Map<string, number>;
}

interface CheckpointsParts {
  coordinator: {
    readonly view: View;
    readonly store: Pick<Store, 'memoryLog' | 'memoryHashes'>;
    submit<K extends 'memory-checkpoint' | 'memory-anchors' | 'memory-damage'>(
      kind: K,
      input: Inputs[K],
    ): Promise<Outcome<unknown>>;
  };
  key: SigningKey;
  clock: Clock;
  log: Log;
}

export class Checkpoints {
  /** Logs that do not verify, by agent. */
  readonly faults = new Map<string, LogFault>();
  readonly figures = { made: 0, verifiedLogs: 0, verifiedEntries: 0, proofs: 0 };
  readonly #parts: CheckpointsParts;
  readonly #timer: Timer;
  /** What each writer was told last: the checkpoint, and in which life of it. */
  readonly #told = new Map<string, string>();
  #tree: FleetTree | null = null;
  #running: Promise<SignedCheckpoint | null> | null = null;
  #verifiedUpto = '';
  #proving = 0;
  #stopped = false;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
    this.#timer = parts.clock.every(everyMs, () => {
      this.make()
        .then(() => this.#verifySome())
        .catch((error) => {
          if (!this.#stopped) parts.log.warn({ err: error }, 'no checkpoint of the memories could be made');
        });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
  }

  /** Makes one where a log grew, and tells it to the nodes; the newest one, or null where there is no memory yet. One at a time. */
  make(): Promise<SignedCheckpoint | null> {
    this.#running ??= this.#make().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #make(): Promise<SignedCheckpoint | null> {
    const { coordinator, key, clock } = this.#parts;
    const { view } = coordinator;
    const grown: AnchoredRow[] = [];
    // Heads as of now: what comes meanwhile is for the next one.
    for (const [agent, head] of [...view.heads]) {
      const before = view.anchored.get(agent) ?? nothingOf(agent);
      if (head.seq <= before.entries) continue;
      const row = await this.#readOn(before, head);
      if (row) grown.push(row);
    }
    if (grown.length > 0) {
      const logs = new Map<string, AnchoredRow>(view.anchored);
      for (const row of grown) logs.set(row.agent, row);
      const { tree } = await this.#treeOf(logs);
      const before = view.checkpoint;
      const row = key.sign({
        number: (before?.number ?? 0) + 1,
        atMs: clock.nowMs(),
        agents: logs.size,
        entries: [...logs.values()].reduce((sum, { entries }) => sum + entries, 0),
        root: tree.root,
        previous: before ? checkpointHash(before) : 'genesis',
      });
      insist(await coordinator.submit('memory-checkpoint', { row, logs: grown }));
      this.figures.made++;
    }
    await this.#tell();
    return view.checkpoint;
  }

  /** The log up to this head; null: it does not verify, and stays under the checkpoint before. */
  async #readOn(before: AnchoredRow, head: MemoryHead): Promise<AnchoredRow | null> {
    const { coordinator, clock } = this.#parts;
    const { agent } = before;
    let peaks: readonly string[] = before.peaks;
    const from = { agent, seq: before.entries, hash: before.head, epoch: before.epoch };
    const { end, fault } = await readLog({ store: coordinator.store, clock }, from, head.seq, (entry, at) => {
      peaks = withLeaf(peaks, at, entryLeaf(entry.hash));
    });
    if (fault !== null) {
      await this.noted(agent, fault);
      return null;
    }
    return { agent, entries: end.seq, head: end.hash, root: rootOf(peaks), epoch: end.epoch, peaks };
  }

  /** The tree of the fleet over these logs; that of the present checkpoint is kept. */
  async #treeOf(logs: ReadonlyMap<string, AnchoredLog>) {
    const pause = pacer(this.#parts.clock);
    const places = new Map<string, number>();
    const leaves: string[] = [];
    for (const agent of [...logs.keys()].sort()) {
      places.set(agent, leaves.length);
      leaves.push(logLeaf(logs.get(agent) as AnchoredLog));
      await pause();
    }
    return { tree: new MerkleTree(leaves), places };
  }
  async #presentTree(): Promise<FleetTree | null> {
    const { view } = this.#parts.coordinator;
    const of = view.checkpoint;
    if (of === null) return null;
    if (this.#tree?.of.signature === of.signature) return this.#tree;
    const made = { of, ...(await this.#treeOf(new Map(view.anchored))) };
    // Another one was made meanwhile.
    if (view.checkpoint?.signature !== of.signature) return this.#presentTree();
    if (made.tree.root !== of.root)
      throw new FleetError('storage-failed', {
        detail: `the stored logs do not have the root of checkpoint ${of.number}: the database was changed`,
      });
    this.#tree = made;
    return made;
  }

  /** Tells each log to its writer, where that has not heard it since it connected. A lost message is made good by the next checkpoint. */
  async #tell(): Promise<void> {
    const { coordinator } = this.#parts;
    const { view } = coordinator;
    const present = await this.#presentTree();
    if (present === null) return;
    let tell: Inputs['memory-anchors']['logs'] = [];
    for (const [agent, log] of [...view.anchored]) {
      const node = view.agents.get(agent)?.placement?.node;
      const live = node === undefined ? undefined : view.live.get(node);
      if (!live?.can?.erases || live.helloBoot === null) continue;
      const key = `${node} ${live.helloBoot} ${log.root}`;
      const place = present.places.get(agent);
      if (this.#told.get(agent) === key || place === undefined) continue;
      this.#told.set(agent, key);
      tell.push({ log: logOf(log), path: present.tree.path(place) });
      if (tell.length < toldAtOnce) continue;
      insist(await coordinator.submit('memory-anchors', { checkpoint: present.of, logs: tell }));
      tell = [];
    }
    if (tell.length > 0) insist(await coordinator.submit('memory-anchors', { checkpoint: present.of, logs: tell }));
    for (const agent of this.#told.keys()) if (!view.agents.has(agent)) this.#told.delete(agent);
  }

  /** How the newest checkpoint has a log; null: none has it, or the stored logs do not have its root any more. */
  async anchorOf(agent: string): Promise<MemoryFileHead['anchor']> {
    const { coordinator, log } = this.#parts;
    try {
      const present = await this.#presentTree();
      const row = coordinator.view.anchored.get(agent);
      const place = present?.places.get(agent);
      if (!present || !row || place === undefined) return null;
      return { log: logOf(row), path: present.tree.path(place), checkpoint: present.of };
    } catch (error) {
      // A memory is to be saved from a damaged database, too.
      log.warn({ agent, err: error }, 'a memory is exported without a checkpoint');
      return null;
    }
  }

  /** @throws FleetError where the entry is under no checkpoint */
  async proof(agent: string, seq: number): Promise<MemoryProof> {
    const { store } = this.#parts.coordinator;
    if (this.#proving >= maxProofsAtOnce)
      throw new FleetError('unavailable', { detail: 'Other proofs are being made; try again.', retryAfterSeconds: 5 });
    this.#proving++;
    try {
      const present = await this.#presentTree();
      const row = this.#parts.coordinator.view.anchored.get(agent);
      const place = present?.places.get(agent);
      if (!present || !row || place === undefined || row.entries < seq) throw notYet(seq, row?.entries ?? 0);
      const path = await this.#pathOf(row, seq);
      const [entry] = await store.memoryLog(agent, seq - 1, 1);
      if (entry?.seq !== seq) throw new FleetError('storage-failed', { detail: `Entry ${seq} is missing in the log.` });
      this.figures.proofs++;
      const { of: checkpoint, tree } = present;
      const format = 'blackroad-memory-proof/1' as const;
      return { format, entry, path, log: logOf(row), logPath: tree.path(place), checkpoint };
    } finally {
      this.#proving--;
    }
  }
  async #pathOf({ agent, entries, root }: AnchoredRow, seq: number): Promise<MemoryProof['path']> {
    const { coordinator, clock } = this.#parts;
    const collector = new PathCollector(seq - 1);
    const pause = pacer(clock);
    for (let upto = 0; upto < entries; ) {
      const last = Math.min(entries, upto + pageHashes);
      const page = await coordinator.store.memoryHashes(agent, upto + 1, last);
      for (const { hash } of page) {
        collector.add(entryLeaf(hash));
        await pause();
      }
      if (page.length !== last - upto) break;
      upto = last;
    }
    if (collector.root === root) return collector.path();
    const text = `the first ${entries} entries do not have the root that was signed`;
    await this.noted(agent, { seq: entries, text });
    throw new FleetError('storage-failed', { detail: `No proof can be given: ${text}.` });
  }

  /** Recomputes one whole log. */
  async verify(agent: string): Promise<RouteAnswer<'memoryVerify'>> {
    const { coordinator, clock } = this.#parts;
    const { view, store } = coordinator;
    const { heads, anchored, checkpoint } = view;
    const log = { agent, head: heads.get(agent) ?? null, anchored: anchored.get(agent) ?? null };
    const found = await verifyChain(store, log, clock);
    this.figures.verifiedLogs++;
    this.figures.verifiedEntries += found.entries;
    await this.noted(agent, found.fault);
    if (!log.anchored || !checkpoint) return found;
    return { ...found, checkpoint: { number: checkpoint.number, entries: log.anchored.entries } };
  }
  /** The next logs in the order of their ids, until enough entries are through. */
  async #verifySome(): Promise<void> {
    const agents = [...this.#parts.coordinator.view.heads.keys()].sort();
    const from = agents.findIndex((agent) => agent > this.#verifiedUpto);
    const order = from <= 0 ? agents : [...agents.slice(from), ...agents.slice(0, from)];
    let entries = 0;
    for (const agent of order) {
      if (this.#stopped || entries >= verifiedEachTime) return;
      entries += (await this.verify(agent)).entries;
      this.#verifiedUpto = agent;
    }
  }

  /** A log was looked at. A new fault is an event; null: it is whole. */
  async noted(agent: string, fault: LogFault | null): Promise<void> {
    const before = this.faults.get(agent);
    if (fault === null) {
      this.faults.delete(agent);
      return;
    }
    if (before?.seq === fault.seq && before.text === fault.text) return;
    if (this.faults.size < maxFaults || before) this.faults.set(agent, fault);
    insist(await this.#parts.coordinator.submit('memory-damage', { agent, ...fault }));
  }
}

const nothingOf = (agent: string): AnchoredRow => ({
  agent,
  entries: 0,
  head: 'genesis',
  root: rootOf([]),
  epoch: 0,
  peaks: [],
});
const logOf = ({ agent, entries, head, root }: AnchoredLog): AnchoredLog => ({ agent, entries, head, root });

function notYet(seq: number, entries: number): FleetError {
  const detail = `Entry ${seq} is under no signed checkpoint yet: the newest has ${entries} entries of this log. One is made every ten minutes; POST /v1/memory/checkpoints makes one now.`;
  return new FleetError('conflict', { detail });
}
