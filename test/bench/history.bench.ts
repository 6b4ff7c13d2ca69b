// What history costs a disk: minutes of figures that all vary, written as the recorder writes them, at five and at ten thousand nodes.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '@blackroad/std/clock';
import { silentLog as log } from '@blackroad/std/log';
import { type Cell, pack, pick, seriesPerPart } from '../../coordinator/src/history/cells.ts';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { bench } from './line.ts';
import { writtenBytes } from './proc.ts';
import { processCpuMs } from './turns.ts';

const slice = 40;
const minutes = 60;
const vary = (at: number) => ({ min: at * Math.random(), mean: at, max: at * (1 + Math.random()) });
const zero = { min: 0, mean: 0, max: 0 };
/** A Pi at work: cpu, memory, temperature, throttled, no GPU, disk, received, sent, tokens, tasks. */
const pi = (): Cell => [
  vary(0.3),
  vary(0.4),
  vary(50),
  zero,
  null,
  null,
  null,
  vary(1e9),
  vary(900),
  vary(700),
  vary(4),
  zero,
];

for (const nodes of [5, 10_000]) {
  const dir = mkdtempSync(join(tmpdir(), 'history-'));
  const path = join(dir, 'fleet.sqlite');
  // The tables themselves are not history.
  await (await openSqliteStore({ path, log, clock })).close();
  const empty = statSync(path).size;
  const store = await openSqliteStore({ path, log, clock });
  const parts = Math.ceil(nodes / seriesPerPart);
  const before = writtenBytes(process.pid);
  let longestMs = 0;
  const startS = 1_800_000_000;
  for (let minute = 0; minute < minutes; minute++) {
    const rows = Array.from({ length: parts }, (_, part) => {
      const places = Math.min(seriesPerPart, nodes - part * seriesPerPart);
      const cells = pack(new Map(Array.from({ length: places }, (_, place) => [place, pi()])));
      return { tier: 60, part, atS: startS + minute * 60, cells };
    });
    for (let at = 0; at < rows.length; at += slice) {
      const fromMs = processCpuMs();
      await store.putRollups({ rows: rows.slice(at, at + slice) });
      longestMs = Math.max(longestMs, processCpuMs() - fromMs);
    }
  }
  const started = performance.now();
  for (let hour = 0; hour < 24; hour++) {
    const rows = await store.rollups(60, 0, startS, startS + 3600, minutes);
    for (const { cells } of rows) pick(cells, 3, 0);
  }
  const readMs = performance.now() - started;
  // What SQLite copies from its log to the file when it is closed counts too.
  await store.close();
  const perDay = 1440 / minutes;
  const name = `${nodes}-nodes`;
  bench({
    name: `history-written-a-day-${name}`,
    value: ((writtenBytes(process.pid) - before) * perDay) / 1e6,
    unit: 'MB',
  });
  // Minutes for a day, and three times as many quarter hours in a month.
  bench({ name: `history-kept-${name}`, value: ((statSync(path).size - empty) / 1e6) * perDay * 3, unit: 'MB' });
  bench({ name: `history-longest-write-${name}`, value: longestMs, unit: 'ms', goal: { is: '<=', value: 20 } });
  bench({ name: `history-read-a-day-${name}`, value: readMs, unit: 'ms' });
  rmSync(dir, { recursive: true, force: true });
}
