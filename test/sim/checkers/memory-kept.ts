// [INV-memory-kept] No memory is lost: every hash that was ever on a disk that still exists is finally in the log, in a branch, or in the
// file of set-aside entries; every finished turn of an agent with memory has its entry, and exactly one where it was leased once; each
// addition of a branch is merged into the log once.
import type { MemoryEntry } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';
import type { SimulatedDisk } from '../disk.ts';
import type { Machine } from '../machine.ts';

interface Held {
  agent: string;
  seq: number;
}
interface Finished {
  agent: string;
  node: string;
  attempt: number;
}

export const memoryKept: MakeChecker = ({ world, stored, broke }) => {
  const onDisks = new Map<SimulatedDisk, { lastId: number; writes: number; held: Map<string, Held> }>();
  const kept = new Set<string>();
  /** Hashes of turns by the task they belong to. */
  const turns = new Map<string, Set<string>>();
  /** The number of entries of the log that merge this entry of a branch. */
  const broughtIn = new Map<string, number>();
  const additions = new Map<string, string>();
  /** By agent and epoch: whether all versions of its spec under it have memory. */
  const remembers = new Map<string, boolean>();
  const finished = new Map<string, Finished>();
  /** Tasks whose entry was not sent yet, or whose end was not reported, when the disk with the entry was removed. */
  const orphaned = new Set<string>();

  const note = (entry: MemoryEntry) => {
    kept.add(entry.hash);
    const { kind, payload, hash } = entry;
    const task = kind === 'turn' ? /^task:(.+)$/.exec(payload?.source ?? '')?.[1] : undefined;
    if (task !== undefined) turns.set(task, (turns.get(task) ?? new Set()).add(hash));
  };
  const look = ({ disk }: Machine) => {
    const seen = onDisks.get(disk) ?? { lastId: 0, writes: -1, held: new Map<string, Held>() };
    onDisks.set(disk, seen);
    const writes = disk.writes('journal.db');
    if (writes === seen.writes) return;
    seen.writes = writes;
    const sql =
      'SELECT entries.id AS id, agent, seq, hash FROM entries JOIN logs ON logs.id = entries.log WHERE entries.id > ?';
    const rows = disk.read('journal.db', sql)?.all(seen.lastId) as (Held & { id: number; hash: string })[] | undefined;
    for (const { id, agent, seq, hash } of rows ?? []) {
      seen.lastId = Math.max(seen.lastId, id);
      seen.held.set(hash, { agent, seq });
    }
  };

  const checker: ReturnType<MakeChecker> = {
    name: 'INV-memory-kept',
    exercised: 0,
    committing(change) {
      switch (change.type) {
        case 'memory':
          for (const entry of change.entries) {
            note(entry);
            if (entry.kind !== 'merge') continue;
            for (const hash of entry.payload?.derivedFrom ?? []) broughtIn.set(hash, (broughtIn.get(hash) ?? 0) + 1);
          }
          return;
        case 'branch':
          for (const entry of change.entries) {
            note(entry);
            if (entry.payload && ['turn', 'note', 'import'].includes(entry.kind))
              additions.set(entry.hash, change.row.agent);
          }
          return;
        case 'erasure':
          // It may be erased before it was brought in.
          for (const { hash } of change.erased ?? []) additions.delete(hash);
          return;
        case 'agent': {
          const { id: agent, epoch, spec } = change.row;
          const key = `${agent} ${epoch}`;
          remembers.set(key, spec.memory.remember === 'turns' && (remembers.get(key) ?? true));
          return;
        }
        case 'task-end': {
          const { id, agent, state, node, attempt, epoch } = change.row;
          if (state === 'done' && remembers.get(`${agent} ${epoch}`) === true && node !== null)
            finished.set(id, { agent, node, attempt });
          return;
        }
        default:
      }
    },
    looked() {
      for (const machine of world.machines) look(machine);
    },
    exchanging({ disk, identity }) {
      for (const [id, { node }] of finished) if (node === identity?.node && !turns.has(id)) orphaned.add(id);
      const topics = disk.read('outbox.sqlite', 'SELECT topic FROM outbox')?.pluck().all() as string[] | undefined;
      for (const topic of topics ?? []) {
        const task = /\/task\/([^/]+)\/status$/.exec(topic)?.[1];
        if (task !== undefined) orphaned.add(task);
      }
    },
    rested() {
      for (const machine of world.machines) {
        look(machine);
        for (const entry of machine.disk.setAside()) note(entry);
      }
      for (const machine of world.machines) {
        for (const [hash, { agent, seq }] of onDisks.get(machine.disk)?.held ?? []) {
          if (!stored.agents.has(agent)) continue;
          checker.exercised++;
          if (!kept.has(hash))
            broke(checker.name, `entry ${seq} of ${agent} was on the disk of ${machine.name} and is nowhere now`);
        }
      }
      for (const [id, { agent, node, attempt }] of finished) {
        const machine = world.machines.find(({ identity, isClone }) => identity?.node === node && !isClone);
        // The entry was on a card that was removed before this report, or on a copy of one: it is lost with the card.
        if (!machine || orphaned.has(id) || world.cloned.has(node) || !stored.agents.has(agent)) continue;
        checker.exercised++;
        const count = turns.get(id)?.size ?? 0;
        if (count === 0) broke(checker.name, `${id} of ${agent} is done on ${node} and has no entry`);
        // A machine without its records, or with a full outbox that lost the end of the turn, repeats the turn.
        const mayRepeat = machine.erasedMs > 0 || world.knobs.outboxMessages < 100;
        if (count > attempt && !mayRepeat)
          broke(checker.name, `${id} of ${agent} has ${count} entries after ${attempt} attempts`);
      }
      for (const [hash, agent] of additions) {
        if (!stored.agents.get(agent)?.placement) continue;
        checker.exercised++;
        const count = broughtIn.get(hash) ?? 0;
        if (count !== 1) broke(checker.name, `an entry of a branch of ${agent} is in its log ${count} times`);
      }
    },
  };
  return checker;
};
