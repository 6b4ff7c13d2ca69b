// [INV-chain] [INV-one-log] [INV-durable-first] Every accepted memory links to the previous one and keeps its hash for ever; a node sends
// only entries of its journal; at the end all durable entries of a disk that was kept are in the log or in a branch.
import type { MemoryEntry } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';
import { faultOf } from '../own-hash.ts';

export const chain: MakeChecker = ({ world, stored, broke }) => {
  const logs = new Map<string, string[]>();
  const branched = new Map<string, Set<string>>();
  const sound = (entry: MemoryEntry) => {
    checker.exercised++;
    const fault = faultOf(entry);
    if (fault) broke(checker.name, `${entry.agentId}: entry ${entry.seq} is stored with a wrong ${fault}`);
  };
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-chain',
    exercised: 0,
    committing(change) {
      if (change.type === 'branch') {
        const kept = branched.get(change.row.agent) ?? new Set();
        branched.set(change.row.agent, kept);
        for (const entry of change.entries) {
          sound(entry);
          kept.add(entry.hash);
        }
      }
      if (change.type !== 'memory') return;
      const log = logs.get(change.agent) ?? [];
      logs.set(change.agent, log);
      for (const entry of change.entries) {
        sound(entry);
        if (entry.seq !== log.length + 1)
          broke(checker.name, `${change.agent}: entry ${entry.seq} is stored after ${log.length}`);
        if (entry.previousHash !== (log[log.length - 1] ?? 'genesis'))
          broke(checker.name, `${change.agent}: entry ${entry.seq} does not link`);
        log.push(entry.hash);
      }
    },
    rested() {
      for (const [agent, log] of logs) {
        const rows = world.host.stored<{ seq: number; hash: string; previous_hash: string }>(
          'SELECT seq, hash, previous_hash FROM memory_entry WHERE agent = ? ORDER BY seq',
          agent,
        );
        checker.exercised++;
        if (rows.length !== log.length || rows.some(({ hash }, i) => hash !== log[i]))
          broke(checker.name, `${agent}: the store holds another log than was committed`);
      }
      for (const machine of world.machines) {
        const aside = new Set(machine.disk.setAside().map(({ hash }) => hash));
        const sql = 'SELECT logs.agent AS agent, seq, hash FROM entries JOIN logs ON logs.id = entries.log';
        const rows = (machine.disk.read('journal.db', sql)?.all() ?? []) as {
          agent: string;
          seq: number;
          hash: string;
        }[];
        for (const { agent, seq, hash } of rows) {
          if (!stored.agents.has(agent)) continue;
          checker.exercised++;
          if (logs.get(agent)?.[seq - 1] !== hash && !branched.get(agent)?.has(hash) && !aside.has(hash))
            broke(
              checker.name,
              `${machine.name} holds entry ${seq} of ${agent}, which is neither in the log nor in a branch`,
            );
        }
      }
    },
  };
  return checker;
};

export const durableFirst: MakeChecker = ({ broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-durable-first',
    exercised: 0,
    said({ name, message }, machine) {
      if (name !== 'memoryUp' || message.type !== 'batch') return;
      const kept = machine.disk.read('journal.db', 'SELECT 1 FROM entries WHERE hash = ?');
      for (const { hash, seq, agentId } of message.entries) {
        checker.exercised++;
        if (!kept?.get(hash))
          broke(checker.name, `${machine.name} sends entry ${seq} of ${agentId}, which its journal does not hold`);
      }
    },
  };
  return checker;
};
