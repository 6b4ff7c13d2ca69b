// The holders: which node had which agent under which epoch. One small row a placement, read as a whole at the start, never changed. In and
// out: rows.
import { maxHoldersPerAgent } from '@blackroad/protocol';
import type { DurableChange } from '../../state/change.ts';
import type { HolderRow } from '../../state/rows.ts';
import type { Database } from './database.ts';
import { inPages } from './pages.ts';

const pageRows = 1_000;

export function holderRows(db: Database) {
  const put = db.prepare<[string, number, string, number]>(
    'INSERT INTO agent_holder (agent, epoch, node, joined_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const dropOld = db.prepare<[string, number]>('DELETE FROM agent_holder WHERE agent = ? AND epoch <= ?');
  const page = db.prepare<[string, number], HolderRow>(
    `SELECT agent, epoch, node, joined_ms AS joinedMs FROM agent_holder
     WHERE (agent, epoch) > (?, ?) ORDER BY agent, epoch LIMIT ${pageRows}`,
  );
  return {
    put({ agent, epoch, node, joinedMs }: HolderRow): void {
      put.run(agent, epoch, node, joinedMs);
      if (epoch > maxHoldersPerAgent) dropOld.run(agent, epoch - maxHoldersPerAgent);
    },
    *load(): Generator<DurableChange> {
      for (const rows of inPages<HolderRow>(pageRows, (last) => page.all(last?.agent ?? '', last?.epoch ?? 0)))
        for (const row of rows) yield { type: 'holder', row };
    },
  };
}
