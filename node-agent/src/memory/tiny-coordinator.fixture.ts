// For tests: the other side of BR-MEM/1 in its smallest honest form, a clock that is advanced by hand, and a network that loses,
// doubles and reorders. The real coordinator has its own code for this; neither imports the other.
import {
  AgentSpec,
  type AssignedAgent,
  entryFault,
  type MemoryDown,
  type MemoryEntry,
  type MemoryUp,
  withDefaults,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

interface Log {
  epoch: number;
  holder: string;
  entries: MemoryEntry[];
}
const page = 5;

export class TinyCoordinator {
  readonly logs = new Map<string, Log>();
  readonly branches = new Map<string, { agent: string; entries: MemoryEntry[]; last: boolean }>();
  readonly heard: { node: string; agent: string; message: MemoryUp }[] = [];

  /** So many branch messages are turned down for now. */
  turnsDown = 0;

  /** Places an agent: what its node is told. */
  place(agent: string, node: string): AssignedAgent {
    const log = this.logs.get(agent) ?? { epoch: 0, holder: '', entries: [] };
    const from = log.holder === '' ? null : log.holder;
    this.logs.set(agent, { ...log, epoch: log.epoch + 1, holder: node });
    const head = headOf(log.entries);
    return assignedAgent(agent, log.epoch + 1, { baseSeq: head.headSeq, baseHash: head.headHash, from });
  }

  answer(node: string, agent: string, message: MemoryUp): MemoryDown[] {
    this.heard.push({ node, agent, message });
    const log = this.logs.get(agent);
    const { epoch } = message;
    if (!log) return [{ type: 'nack', agent, epoch, reason: 'unknown-agent', headSeq: 0, headHash: 'genesis' }];
    const head = headOf(log.entries);
    const nack = (reason: Extract<MemoryDown, { type: 'nack' }>['reason']): MemoryDown[] => [
      { type: 'nack', agent, epoch, reason, ...head },
    ];
    if (message.type === 'branch' && this.turnsDown-- > 0) return nack('gap');
    if (message.type === 'branch') return this.#branch(node, agent, message);
    if (message.type === 'drained' || message.type === 'hydrated') return [];
    if (epoch !== log.epoch || node !== log.holder) return nack('stale-epoch');
    if (message.type === 'hello') {
      const known = message.durableSeq === 0 ? 'genesis' : log.entries[message.durableSeq - 1]?.hash;
      if (known !== undefined && known !== message.hash) return nack('fork');
      if (message.durableSeq < head.headSeq) {
        const entries = log.entries.slice(message.durableSeq, message.durableSeq + page);
        return [{ type: 'entries', agent, epoch, entries, ...head }];
      }
      return [{ type: 'ack', agent, epoch, upto: head.headSeq, hash: head.headHash }, ...this.merges(agent)];
    }
    for (const entry of message.entries) {
      const last = headOf(log.entries);
      if (entryFault(entry) || entry.epoch !== epoch) return nack('bad-hash');
      const stored = log.entries[entry.seq - 1];
      if (stored) {
        if (stored.hash !== entry.hash) return nack('fork');
        continue;
      }
      if (entry.seq !== last.headSeq + 1) return [{ type: 'nack', agent, epoch, reason: 'gap', ...last }];
      if (entry.previousHash !== last.headHash) return nack('fork');
      log.entries.push(entry);
    }
    const upto = message.entries[message.entries.length - 1]!;
    return [{ type: 'ack', agent, epoch, upto: upto.seq, hash: upto.hash }];
  }

  /** What the present writer is asked to merge; sent again and again until it has. */
  merges(agent: string): MemoryDown[] {
    const log = this.logs.get(agent)!;
    return [...this.branches].flatMap(([branch, { agent: of, entries, last }]) =>
      of === agent && last
        ? [{ type: 'merge' as const, agent, epoch: log.epoch, branch, from: branch.split('.')[0]!, entries }]
        : [],
    );
  }

  #branch(node: string, agent: string, message: Extract<MemoryUp, { type: 'branch' }>): MemoryDown[] {
    const key = `${node}.${message.epoch}.${agent}`;
    const branch = this.branches.get(key) ?? { agent, entries: [], last: false };
    const official = new Set(this.logs.get(agent)!.entries.map((entry) => entry.hash));
    for (const entry of message.entries) {
      if (entryFault(entry)) throw new Error(`a branch with a faulty entry ${entry.seq}`);
      if (!official.has(entry.hash) && !branch.entries.some((each) => each.hash === entry.hash))
        branch.entries.push(entry);
    }
    branch.last ||= message.last;
    this.branches.set(key, branch);
    const upto = message.entries[message.entries.length - 1]!.seq;
    return [{ type: 'branch-ack', agent, epoch: message.epoch, upto }];
  }
}

export function assignedAgent(agent: string, epoch: number, memory: AssignedAgent['memory']): AssignedAgent {
  const spec = withDefaults<AgentSpec>(AgentSpec, { name: agent, model: ['auto'], instructions: 'You are helpful.' });
  return { spec, version: 1, epoch, model: 'smollm2', memory };
}

function headOf(entries: MemoryEntry[]): { headSeq: number; headHash: string } {
  const last = entries[entries.length - 1];
  return { headSeq: last?.seq ?? 0, headHash: last?.hash ?? 'genesis' };
}

/** Every fault of a chain, in words; empty when it verifies from genesis to its end. */
export function chainFaults(entries: readonly MemoryEntry[]): string[] {
  const faults: string[] = [];
  let previous = 'genesis';
  entries.forEach((entry, i) => {
    if (entry.seq !== i + 1) faults.push(`entry ${i + 1} has seq ${entry.seq}`);
    if (entry.previousHash !== previous) faults.push(`entry ${entry.seq} does not follow`);
    const fault = entryFault(entry);
    if (fault) faults.push(`entry ${entry.seq}: ${fault}`);
    previous = entry.hash;
  });
  return faults;
}

/** A clock that stands still until it is advanced; promises settle between two timers. */
export class HandClock implements Clock {
  #now = 0;
  #next = 1;
  readonly #timers = new Map<number, { at: number; every: number | null; run: () => void }>();

  nowMs = () => 1_700_000_000_000 + this.#now;
  monotonicMs = () => this.#now;
  uptimeMs = () => this.#now;
  after = (delayMs: number, run: () => void) => this.#add(delayMs, null, run);
  every = (periodMs: number, run: () => void) => this.#add(periodMs, periodMs, run);
  soon = (run: () => void) => void setImmediate(run);
  #add(delayMs: number, every: number | null, run: () => void) {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + delayMs, every, run });
    return { cancel: () => void this.#timers.delete(id) };
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      let due: [number, { at: number; every: number | null; run: () => void }] | null = null;
      for (const entry of this.#timers) if (entry[1].at <= until && (!due || entry[1].at < due[1].at)) due = entry;
      if (!due) break;
      const [id, timer] = due;
      this.#now = Math.max(this.#now, timer.at);
      if (timer.every === null) this.#timers.delete(id);
      else timer.at += timer.every;
      timer.run();
    }
    this.#now = until;
  }
}
