// Roll-ups and usage: small rows written once a minute beside the commits of tasks, read in pages, pruned by age.
// In: packed cells and sums from the recorder. Out: the same. It never unpacks a cell.
import type { RollupRow, UsageRow, UsageSums } from '../store.ts';
import type { Database } from './database.ts';

/** Rows deleted in one call: a few milliseconds of work. */
const pruneRows = 500;

export function rollupRows(db: Database) {
  const series = db.prepare<[], { id: string; number: number; untilMs: number | null }>(
    'SELECT id, number, until_ms AS untilMs FROM rollup_series ORDER BY number',
  );
  const putSeries = db.prepare<[string, number, number | null]>(
    'INSERT INTO rollup_series (id, number, until_ms) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET until_ms = excluded.until_ms',
  );
  const dropSeries = db.prepare<[number]>('DELETE FROM rollup_series WHERE until_ms < ?');
  const put = db.prepare<[number, number, number, Buffer]>(
    'INSERT INTO rollup (tier, part, at_s, cells) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET cells = excluded.cells',
  );
  const read = db.prepare<[number, number, number, number, number], RollupRow>(
    'SELECT tier, part, at_s AS atS, cells FROM rollup WHERE tier = ? AND part = ? AND at_s >= ? AND at_s < ? ORDER BY at_s LIMIT ?',
  );
  const parts = db
    .prepare<[number, number], number>('SELECT part FROM rollup WHERE tier = ? AND part > ? ORDER BY part LIMIT 1')
    .pluck();
  const lastOfPart = db
    .prepare<[number, number], number>('SELECT at_s FROM rollup WHERE tier = ? AND part = ? ORDER BY at_s DESC LIMIT 1')
    .pluck();
  const prune = db.prepare<[number, number, number]>('DELETE FROM rollup WHERE tier = ? AND part = ? AND at_s < ?');

  const addUsage = db.prepare(
    `INSERT INTO usage_day (day, agent, model, node, key_id, tasks, failed, prompt_tokens, completion_tokens, cost_usd, cloud_usd)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks, failed = failed + excluded.failed,
       prompt_tokens = prompt_tokens + excluded.prompt_tokens,
       completion_tokens = completion_tokens + excluded.completion_tokens, cost_usd = cost_usd + excluded.cost_usd,
       cloud_usd = cloud_usd + excluded.cloud_usd`,
  );
  const setMark = db.prepare<[number]>(
    'INSERT INTO usage_mark (id, upto_ms) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET upto_ms = max(upto_ms, excluded.upto_ms)',
  );
  const mark = db.prepare<[], number>('SELECT upto_ms FROM usage_mark').pluck();
  const dayRows = db.prepare<[number], number>('SELECT count(*) FROM usage_day WHERE day = ?').pluck();
  const pruneUsage = db.prepare<[number, number]>(
    'DELETE FROM usage_day WHERE (day, agent, model, node, key_id) IN (SELECT day, agent, model, node, key_id FROM usage_day WHERE day < ? LIMIT ?)',
  );
  const sums = `sum(tasks) AS tasks, sum(failed) AS failed, sum(prompt_tokens) AS promptTokens,
    sum(completion_tokens) AS completionTokens, sum(cost_usd) AS costUsd, sum(cloud_usd) AS cloudUsd`;
  const usageBy = (key: string, grouped: boolean) =>
    db.prepare<[number, string | null, string | null], UsageSums & { key: string }>(
      `SELECT ${key} AS key, ${sums} FROM usage_day
       WHERE day = ? AND agent = coalesce(?, agent) AND node = coalesce(?, node)
       GROUP BY ${grouped ? key : 'day'}`,
    );
  const usage = {
    day: usageBy(`''`, false),
    agent: usageBy('agent', true),
    model: usageBy('model', true),
    node: usageBy('node', true),
    key: usageBy('key_id', true),
  };

  return {
    series: () => series.all(),
    put: db.transaction(
      (rows: readonly RollupRow[], names: readonly { id: string; number: number; untilMs: number | null }[]) => {
        for (const { id, number, untilMs } of names) putSeries.run(id, number, untilMs);
        for (const { tier, part, atS, cells } of rows) put.run(tier, part, atS, Buffer.from(cells));
      },
    ),
    read: (tier: number, part: number, fromS: number, beforeS: number, limit: number) =>
      read.all(tier, part, fromS, beforeS, limit),
    lastS(tier: number): number | null {
      // One read for each part: the newest row of a fleet is the newest row of any part.
      let last: number | null = null;
      for (let part = parts.get(tier, -1); part !== undefined; part = parts.get(tier, part)) {
        const at = lastOfPart.get(tier, part);
        if (at !== undefined && (last === null || at > last)) last = at;
      }
      return last;
    },
    prune: db.transaction((before: { tiers: Record<number, number>; day: number; seriesMs: number }) => {
      let gone = 0;
      for (const [tier, beforeS] of Object.entries(before.tiers)) {
        for (let part = parts.get(Number(tier), -1); part !== undefined; part = parts.get(Number(tier), part)) {
          gone += prune.run(Number(tier), part, beforeS).changes;
          if (gone >= pruneRows) return gone;
        }
      }
      return gone + pruneUsage.run(before.day, pruneRows).changes + dropSeries.run(before.seriesMs).changes;
    }),
    addUsage: db.transaction((rows: readonly UsageRow[], uptoMs: number) => {
      for (const row of rows) {
        const { day, agent, model, node, key, tasks, failed, promptTokens, completionTokens, costUsd, cloudUsd } = row;
        addUsage.run(day, agent, model, node, key, tasks, failed, promptTokens, completionTokens, costUsd, cloudUsd);
      }
      setMark.run(uptoMs);
    }),
    usageUptoMs: (): number | null => mark.get() ?? null,
    usage: (day: number, by: keyof typeof usage, only: { agent?: string; node?: string }) =>
      usage[by].all(day, only.agent ?? null, only.node ?? null),
    usageRows: (day: number): number => dayRows.get(day) ?? 0,
  };
}
