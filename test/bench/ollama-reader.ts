// Reads answers of an Ollama as a node-agent does, or its lines alone without the package `ollama`: what the package costs is the
// difference. Bundled and started like a node-agent; prints one line of JSON with microseconds of CPU a piece.
import { readFileSync } from 'node:fs';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { JsonClient, linesOf } from '../../node-agent/src/runtimes/http-json.ts';
import { createOllama } from '../../node-agent/src/runtimes/ollama.ts';

const [, , url = '', how = ''] = process.argv;
const streams = 20;
const rounds = 4;
const never = new AbortController().signal;
const ollama = createOllama({ url, contextTokens: 2048, keepAlive: '10m', clock: systemClock, log: silentLog });
const client = new JsonClient({ baseUrl: url, clock: systemClock });
const messages = [{ role: 'user' as const, content: 'Hello.' }];

async function throughRuntime(): Promise<number> {
  let pieces = 0;
  for await (const event of ollama.chat({ model: 'paced:1b', messages, sampling: {} }, never))
    if (event.type === 'text') pieces++;
  return pieces;
}
async function linesAlone(): Promise<number> {
  const body = { model: 'paced:1b', messages, stream: true };
  const answer = await client.stream({ method: 'POST', path: 'api/chat', body, answerMs: 5000 });
  let pieces = 0;
  if ('pieces' in answer) for await (const line of linesOf(answer.pieces)) if (!JSON.parse(line).done) pieces++;
  return pieces;
}
const read = how === 'lines' ? linesAlone : throughRuntime;
const atOnce = async () => (await Promise.all(Array.from({ length: streams }, read))).reduce((sum, n) => sum + n, 0);
const privateMb = () => {
  globalThis.gc?.();
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return (
    [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0) / 1000
  );
};

await ollama.models();
const restMb = privateMb();
await atOnce();
const begin = process.cpuUsage();
let pieces = 0;
for (let round = 0; round < rounds; round++) pieces += await atOnce();
const { user, system } = process.cpuUsage(begin);
const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList;
const undici = loaded.some((name) => name.includes('undici'));
process.stdout.write(JSON.stringify({ microseconds: (user + system) / pieces, pieces, restMb, undici }));
process.exit(0);
