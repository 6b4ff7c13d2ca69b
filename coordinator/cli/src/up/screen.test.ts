import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { paintFor } from '../words.ts';
import { createProgress } from './progress.ts';
import { drawn, fitted } from './screen.ts';

const visible = stripVTControlCharacters;

t.test('the live screen is never larger than its window, so that nothing of it scrolls away', async (t) => {
  const lines = Array.from({ length: 300 }, (_, i) => `row ${i} ${'x'.repeat(200)}`);
  for (const window of [
    { columns: 80, rows: 24 },
    { columns: 160, rows: 50 },
    { columns: 20, rows: 5 },
  ]) {
    const shown = visible(drawn(lines, window)).split('\r\n');
    t.ok(shown.length < window.rows, `${shown.length} lines in ${window.rows} rows`);
    for (const line of shown) t.ok(line.length < window.columns);
  }
});

t.test('a table that is too long says how much is missing', async (t) => {
  t.same(fitted(['HEAD', 'a', 'b', 'c', 'd'], 3, 'node'), ['HEAD', 'a', '... and 3 more nodes']);
  t.same(fitted(['HEAD', 'a'], 3, 'node'), ['HEAD', 'a']);
});

t.test('progress stays on one line of the terminal, whatever its width', async (t) => {
  for (const columns of [40, 80, 120]) {
    let written = '';
    const out = { isTTY: true, columns, write: (text: string) => (written += text) };
    let nowMs = 0;
    const progress = createProgress(out, paintFor(true), { ...systemClock, monotonicMs: () => nowMs });
    progress.step(`looking for a model server in ${'many '.repeat(40)}places`);
    for (let part = 0; part <= 10; part++) {
      progress.bar('Qwen2.5-1.5B-Instruct-GGUF', 'downloading from the Python package index', part * 1e8, 1e9);
      nowMs += 1000;
    }
    for (const line of written.split(/\r|\n/)) t.ok(visible(line).length < columns, `${columns}: ${visible(line)}`);
    t.notMatch(written, /\n/);
  }
});
