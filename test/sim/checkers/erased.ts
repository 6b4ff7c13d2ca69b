// [INV-erased] What was erased is nowhere at the end: not in the store, not in a branch, not on the disk of a machine that is one of the fleet,
// nor in its file of what was set aside; and nothing that was made of it. Nobody owes an erasure for ever but a node that is too old for it.
import type { MemoryEntry } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';

export const erased: MakeChecker = ({ world, broke }) => {
  const gone = new Set<string>();
  /** What each entry was made of, by its hash, as far as it was ever seen with its content. */
  const madeOf = new Map<string, readonly string[]>();
  const note = ({ hash, payload }: MemoryEntry) => {
    if (payload && payload.derivedFrom.length > 0) madeOf.set(hash, payload.derivedFrom);
  };
  const isGone = (hash: string): boolean => gone.has(hash) || (madeOf.get(hash) ?? []).some(isGone);
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-erased',
    exercised: 0,
    committing(change) {
      if (change.type === 'memory' || change.type === 'branch') for (const entry of change.entries) note(entry);
      if (change.type === 'erasure') for (const { hash } of change.erased ?? []) gone.add(hash);
    },
    rested() {
      if (gone.size === 0) return;
      const look = (where: string, hashes: Iterable<string>) => {
        for (const hash of hashes) {
          checker.exercised++;
          if (isGone(hash)) broke(checker.name, `${where} has the content of ${hash.slice(0, 8)}, which was erased`);
        }
      };
      const hashesOf = (sql: string) => world.host.stored<{ hash: string }>(sql).map(({ hash }) => hash);
      look('the log of the store', hashesOf('SELECT hash FROM memory_entry WHERE payload IS NOT NULL'));
      look('a branch of the store', hashesOf(`SELECT hash FROM branch_entry WHERE entry ->> 'payload' IS NOT NULL`));
      for (const machine of world.machines) {
        // A copy of a card is no node, and an older node-agent knows no erasure.
        if (machine.isClone || machine.version === 'older' || !machine.process) continue;
        const read = (sql: string) => (machine.disk.read('journal.db', sql)?.pluck().all() ?? []) as string[];
        look(`the log on ${machine.name}`, read('SELECT hash FROM entries WHERE payload IS NOT NULL'));
        const branches = `SELECT entry ->> 'hash' FROM branches WHERE entry ->> 'payload' IS NOT NULL`;
        look(`a branch on ${machine.name}`, read(branches));
        const aside = machine.disk.setAside().filter(({ payload }) => payload !== null);
        look(
          `the file of ${machine.name}`,
          aside.map(({ hash }) => hash),
        );
      }
    },
  };
  return checker;
};
