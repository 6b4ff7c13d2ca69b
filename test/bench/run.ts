// `make bench`: every bench in a process of its own, one after the other, so that none measures another's garbage.
// `make bench BENCH=tasks` runs those whose name holds the word; BENCH=all the long ones too (idle for ten minutes, 2,000 nodes).
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = new URL('.', import.meta.url).pathname;
const wanted = process.argv[2] ?? '';
const env = { ...process.env, BENCH: wanted, BENCH_LONG: wanted === 'all' ? '1' : '' };
let failed = false;
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.bench.ts'))
  .sort()) {
  if (wanted !== '' && wanted !== 'all' && !file.includes(wanted)) continue;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', `${folder}${file}`], {
    stdio: 'inherit',
    env,
  });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (code !== 0) {
    failed = true;
    process.stdout.write(`${file} ended with code ${code}\n`);
  }
}
process.exit(failed ? 1 : 0);
