// What the package `ollama` costs a node-agent: processor time for a piece of an answer, against reading the same lines without it, in
// alternating runs; memory of a node's runtime at rest, and whether undici was loaded. Bundled, and started with a node-agent's flags.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { lean } from '../../node-agent/lean.ts';
import { startProcess } from '../fixtures/processes.ts';
import { lifetime } from './lifetime.ts';
import { bench, percentile } from './line.ts';

const runs = 3;
const root = new URL('../..', import.meta.url).pathname;

interface Reading {
  microseconds: number;
  restMb: number;
  undici: boolean;
}

const life = lifetime();
const folder = mkdtempSync(join(tmpdir(), 'fleet-ollama-'));
life.teardown(() => rmSync(folder, { recursive: true, force: true }));
const reader = join(folder, 'reader.mjs');
await build({
  entryPoints: [join(root, 'test/bench/ollama-reader.ts')],
  outfile: reader,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  ...lean,
});
const { ready } = await startProcess(life, 'test/bench/paced-ollama.ts', []);
const flags = readFileSync(join(root, 'node-agent/v8-flags'), 'utf8').trim().split(/\s+/);

async function read(how: 'runtime' | 'lines'): Promise<Reading> {
  const args = [...flags, reader, `http://127.0.0.1:${ready.port}`, how];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
}
const readings: Record<'runtime' | 'lines', Reading[]> = { runtime: [], lines: [] };
for (let run = 0; run < runs; run++)
  for (const how of ['lines', 'runtime'] as const) readings[how].push(await read(how));
const median = (how: 'runtime' | 'lines', figure: (reading: Reading) => number) =>
  percentile(readings[how].map(figure), 0.5);

bench({
  name: 'ollama-cpu-for-a-piece',
  value: median('runtime', ({ microseconds }) => microseconds),
  unit: 'us',
  peer: { name: 'lines-alone', value: median('lines', ({ microseconds }) => microseconds) },
});
bench({ name: 'ollama-private-memory-at-rest', value: median('runtime', ({ restMb }) => restMb), unit: 'MB' });
const withUndici = readings.runtime.filter(({ undici }) => undici).length;
bench({ name: 'ollama-runs-that-loaded-undici', value: withUndici, unit: 'runs', goal: { is: '<=', value: 0 } });
await life.end();
process.exit(0);
