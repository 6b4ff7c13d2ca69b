// A real coordinator on a real file system that is full: it stays up, refuses in words, goes on by itself; and a start on a full disk
// says so in one sentence. Needs the right to mount a small file system in memory.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startProcess, until } from '../fixtures/processes.ts';

t.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), 'disk-full-'));
const data = join(folder, 'data');
function mount(): boolean {
  try {
    execFileSync('mkdir', [data]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', data], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
const filler = join(data, 'filler');
/** Every byte that is left. */
function fill(): void {
  for (const size of [1024 * 1024, 4096, 1])
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch {}
}
const args = ['--data', data, '--port', '0', '--host', '127.0.0.1', '--log', 'warn'];

if (!mount()) {
  t.comment('skipped: needs the right to mount a file system');
} else {
  t.teardown(() => {
    execFileSync('umount', ['-l', data]);
    rmSync(folder, { recursive: true, force: true });
  });
  execFileSync('mkdir', [join(data, 'made')]);
  const coordinator = await startProcess(t, 'coordinator/src/main.ts', args);
  const { url, keyFile } = coordinator.ready as { url: string; keyFile: string };
  const key = execFileSync('cat', [keyFile]).toString().trim();
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as { code?: string; detail?: string } };
  };
  const apply = (name: string) =>
    call('PUT', `/v1/agents/${name}`, { name, model: ['auto'], instructions: 'x'.repeat(15_000) });

  t.test('while it runs', async (t) => {
    t.equal((await apply('first')).status, 201);
    fill();
    let refused: Awaited<ReturnType<typeof apply>> | null = null;
    for (let i = 0; refused === null; i++) {
      const answer = await apply(`full-${i}`);
      if (answer.status !== 201) refused = answer;
    }
    t.match(refused, { status: 500, body: { code: 'storage-failed', detail: /the disk is full/ } });
    for (const path of ['/healthz', '/v1/agents', '/v1/agents/first']) t.equal((await call('GET', path)).status, 200);
    t.equal((await apply('again')).body.code, 'storage-failed');
    t.equal(coordinator.child.exitCode, null, 'it is up');
    rmSync(filler);
    await until('room', async () => ((await apply('after')).status < 300 ? true : undefined));
    t.equal((await call('GET', '/v1/agents/after')).status, 200);
  });

  t.test('at its start', async (t) => {
    await coordinator.kill('SIGKILL');
    fill();
    for (const path of [join(data, 'new'), join(data, 'made')]) {
      const elsewhere = args.map((arg) => (arg === data ? path : arg));
      const ended = await startProcess(t, 'coordinator/src/main.ts', elsewhere).then(
        () => null,
        (error: Error) => error.message,
      );
      t.match(ended, /ended with 1 before/);
      t.match(ended, /disk is full/);
      t.notMatch(ended, /\n\s+at /, 'a sentence, no stack');
    }
    rmSync(filler);
    t.ok(await startProcess(t, 'coordinator/src/main.ts', args), 'with room it goes on from what was stored');
  });
}
