// The one line by which a machine joins, against a real coordinator: what it prints, what it serves, and the installer as far as it goes without
// root (--check). `make install-check` goes on from there, on a booted machine.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditEntry,
  type FleetEvent,
  type JoinTokenCreated,
  type Release,
  readJoinToken,
  writeJoinToken,
} from '@blackroad/protocol';
import { installableWords } from '@blackroad/protocol/install-words';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { text } from '../../release/src/tree.ts';
import { type ApiFleet, openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { openTestCa } from '../fixtures/coordinator/test-ca.ts';
import { runFleet } from '../fixtures/processes.ts';
import { sampleKey, sampleRelease } from '../fixtures/sample-release.ts';

const root = join(import.meta.dirname, '../..');
const skip = ['x64', 'arm64'].includes(process.arch) && process.platform === 'linux' ? false : 'no release for here';
const ours = sampleKey();

async function open(t: Test) {
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-install-'));
  const fleet = await openApiFleet({ dataDir, publicHost: '127.0.0.1' });
  const empty = mkdtempSync(join(tmpdir(), 'fleet-empty-'));
  // Where this runs as root, the release is judged as nobody.
  chmodSync(empty, 0o755);
  t.teardown(async () => {
    await fleet.close();
    for (const dir of [dataDir, empty]) rmSync(dir, { recursive: true, force: true });
  });
  writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  const { body } = await fleet.call<JoinTokenCreated>('POST', '/v1/join-tokens', { body: {} });
  return { fleet, empty, dataDir, made: body };
}

/** As a person pastes it, in an empty folder. `programs`: the only ones on the PATH. */
function paste(command: string, cwd: string, path = process.env.PATH): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const env = { PATH: path, HOME: cwd, TMPDIR: cwd };
    execFile('/bin/sh', ['-c', command], { cwd, env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, said: `${out}${err}` }),
    );
  });
}

/** A release whose fleet-node is that of this folder: it checks itself with the real code. */
async function add(fleet: ApiFleet, version = '0.2.0') {
  // What the test runner wants of each Node needs its rights.
  const program = `#!/bin/sh\nunset NODE_OPTIONS\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${root}/node-agent/src/main.ts" "$@"\n`;
  const more = { 'bin/fleet-node': text(program, true), 'bin/node': text('#!/bin/sh\n', true) };
  const { content, signature } = await sampleRelease(ours, { arch: process.arch, version }, { more });
  const form = new FormData();
  form.append('signature', signature);
  form.append('file', new Blob([new Uint8Array(content)]), 'x.tar.gz');
  const headers = { authorization: `Bearer ${fleet.keys.operator}` };
  const answer = await fetch(`${fleet.base}/v1/releases`, { method: 'POST', headers, body: form });
  return (await answer.json()) as Release;
}
/** A PATH on which one of the two programs that fetch is missing. */
function pathWithout(program: string, dir: string): string {
  const bin = join(dir, `without-${program}`);
  mkdirSync(bin);
  for (const folder of (process.env.PATH ?? '').split(':').reverse()) {
    for (const name of folder.startsWith('/') && !folder.includes('node_modules') ? safeList(folder) : []) {
      if (name === program) continue;
      rmSync(join(bin, name), { force: true });
      symlinkSync(join(folder, name), join(bin, name));
    }
  }
  return bin;
}
function safeList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

t.test('the hash in the command is that of the script that is served', async (t) => {
  const { fleet, made } = await open(t);
  const { body: script } = await fleet.call<string>('GET', '/install.sh', { key: null });
  const url = `https://127.0.0.1:${fleet.tlsPort}`;
  t.equal(
    made.command,
    `f=$(mktemp); u=${url}/install.sh; (curl -fsSk $u || wget -qO- --no-check-certificate $u) >$f && echo "${sha256Hex(script)}  $f" | sha256sum -c && sh $f ${made.token}`,
  );
  t.match(script, /^#!\/bin\/sh\n/);
  const { secret, ca } = readJoinToken(made.token) as { secret: string; ca: string };
  for (const word of [secret, ca, '127.0.0.1']) t.notMatch(script, word, 'the script is the same for everybody');
  t.equal((await fleet.call<string>('GET', '/ca.pem', { key: null })).body, fleet.ca.pem);
});

t.test('the line, as far as it goes without root', { skip }, async (t) => {
  const { fleet, empty, made, dataDir } = await open(t);
  const check = `${made.command} --check`;
  t.match(await paste(check, empty), {
    code: 1,
    said: new RegExp(
      `no node-agent for this machine \\(linux, ${process.arch}\\)[\\s\\S]*fleet releases add blackroad-node-<version>-linux-${process.arch}\\.tar\\.gz`,
    ),
  });
  const release = await add(fleet);
  for (const missing of ['wget', 'curl'])
    t.match(
      await paste(check, empty, pathWithout(missing, dataDir)),
      { code: 0, said: new RegExp(`signed by ${ours.secret.name}, and whole\\n.*0\\.2\\.0 can be installed here`) },
      `without ${missing}`,
    );
  t.same(readdirSync(empty), [], 'nothing stays');
  t.match((await fleet.call('GET', '/v1/join-tokens')).body, [{ usesLeft: 1 }], 'a look uses up nothing');

  const changed = check.replace(/"[0-9a-f]{4}/, '"0000');
  t.match(await paste(changed, empty), { code: 1, said: /FAILED/ }, 'another script is not run');
  const read = readJoinToken(made.token) as Parameters<typeof writeJoinToken>[0];
  const foreign = check.replace(made.token, writeJoinToken({ ...read, ca: 'f'.repeat(64) }));
  t.match(await paste(foreign, empty), { code: 1, said: /is not the coordinator of this fleet/ });
  for (const [token, words] of [
    ['brj2.abc', /of another version \(brj2\)/],
    [made.token.slice(0, 60), /damaged or cut short/],
    ['hello', /expected a join token/],
    ['', /A join token is missing/],
  ] as const)
    t.match(await paste(check.replace(made.token, token), empty), { code: 1, said: words });
  const other = writeJoinToken({ ...read, secret: '0'.repeat(32) });
  t.match(await paste(check.replace(made.token, other), empty), { code: 1, said: /did not give \/v1\/releases/ });

  const kept = join(dataDir, 'releases', release.sha256);
  writeFileSync(kept, Buffer.alloc(release.bytes));
  for (const missing of ['wget', 'curl'])
    t.match(
      await paste(check, empty, join(dataDir, `without-${missing}`)),
      { code: 1, said: /REFUSED: the archive was changed on the way/ },
      `without ${missing}`,
    );
  const { body: events } = await fleet.call<FleetEvent[]>('GET', '/v1/events?type=install-refused');
  t.same(
    events.map((event) => event.text),
    Array(2).fill(
      `blackroad-node 0.2.0 for ${process.arch} was refused by a machine (token:${made.id}): its archive is not the one that the coordinator named`,
    ),
    'the fleet hears of it',
  );
  const { body: rows } = await fleet.call<AuditEntry[]>('GET', '/v1/audit');
  t.match(rows[0], { action: 'install-refused', actor: `token:${made.id}` });
  const { body: metrics } = await fleet.call<string>('GET', '/metrics');
  t.match(metrics, '\nblackroad_installs_refused_total{reason="hash"} 2\n');
});

t.test('a version that is asked for, and not the highest', { skip }, async (t) => {
  const { fleet, empty, made } = await open(t);
  for (const version of ['0.2.0', '0.10.0']) await add(fleet, version);
  const ask = (words: string) => paste(`${made.command} --check ${words}`, empty);
  t.match(await ask(''), { code: 0, said: /0\.10\.0 can be installed here/ });
  t.match(await ask('--version=0.2.0'), { code: 0, said: /0\.2\.0 can be installed here/ });
  t.match(await ask('--version=0.1'), {
    code: 1,
    said: new RegExp(`no node-agent 0\\.1 for[\\s\\S]*blackroad-node-0\\.1-linux-${process.arch}`),
  });
  for (const words of ['--version=', "'--version=0.2.0;id'"])
    t.match(await ask(words), { code: 1, said: /expected a version such as/ });
});

t.test('who answers with the CA of the fleet, and has no certificate of it, is not heard', { skip }, async (t) => {
  const { fleet, empty, made, dataDir } = await open(t);
  await add(fleet);
  const [foreign, { createServer }] = [await openTestCa(), await import('node:https')];
  const { key, cert } = await foreign.ca.issueServer({ hosts: [] });
  let heard = '';
  const server = createServer({ key, cert }, (request, response) => {
    heard += request.headers.authorization ?? '';
    response.end(fleet.ca.pem);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    server.close();
    foreign.close();
  });
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
  const read = readJoinToken(made.token) as Parameters<typeof writeJoinToken>[0];
  const misled = `${made.command.replace(made.token, writeJoinToken({ ...read, url }))} --check`;
  for (const missing of ['wget', 'curl'])
    t.match(
      await paste(misled, empty, pathWithout(missing, dataDir)),
      { code: 1, said: /is not the coordinator of this fleet/ },
      `without ${missing}`,
    );
  t.equal(heard, '', 'it gets no token');
});

t.test('a machine that cannot be a node is told so in plain words', { skip }, async (t) => {
  const { empty, made, dataDir } = await open(t);
  const path = pathWithout('uname', dataDir);
  const as = async (system: string, machine: string) => {
    writeFileSync(join(path, 'uname'), `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${machine}\n`, {
      mode: 0o755,
    });
    return (await paste(`${made.command} --check`, empty, path)).said;
  };
  t.match(await as('Linux', 'armv7l'), /32-bit system[\s\S]*install the 64-bit Raspberry Pi OS/);
  t.match(await as('Linux', 'i686'), /needs a 64-bit system/);
  t.match(await as('Darwin', 'arm64'), /no release for macOS[\s\S]*bin\/fleet-node run/);
  rmSync(join(path, 'getconf'), { force: true });
  writeFileSync(join(path, 'getconf'), '#!/bin/sh\necho 32\n', { mode: 0o755 });
  t.match(await as('Linux', 'aarch64'), /aarch64 with 32-bit programs/);
  for (const program of ['getconf', 'curl', 'wget', 'gzip']) rmSync(join(path, program), { force: true });
  writeFileSync(join(empty, 'install.sh'), '');
  const script = join(root, 'node-agent/install.sh');
  await as('Linux', 'x86_64');
  t.match(await paste(`sh ${script} ${made.token} --check`, empty, path), {
    code: 1,
    said: /Missing on this machine: gzip curl\./,
  });
});

t.test('the command line prints the line, and what it lacks', async (t) => {
  const { fleet } = await open(t);
  const create = async () => {
    const args = ['join-token', 'create', '--coordinator', fleet.base, '--key', fleet.keys.admin];
    const { code, stdout, stderr } = await runFleet(args);
    t.equal(code, 0, stderr);
    return stdout;
  };
  const line = /\n\nf=\$\(mktemp\); u=https:\/\/127\.0\.0\.1:\d+\/install\.sh; .* && sh \$f brj1\.\S+\n\n/;
  const bare = await create();
  t.match(bare, line);
  t.match(bare, /within .* \(valid for one machine\):/);
  t.match(bare, /has none yet\. After make dist: \S+ .*releases add blackroad-node-/);
  await add(fleet);
  t.match(await create(), /has the node-agent for .* alone\. For /);
});

t.test('for whom there is a release, in words', (t) => {
  const of = (...archs: string[]) =>
    installableWords(
      archs.map((arch) => ({ name: 'blackroad-node', arch }) as Release),
      (verb) => `fleet ${verb}`,
    );
  t.match(of(), /has none yet\. After make dist: fleet releases add blackroad-node-<version>-linux-<arch>\.tar\.gz/);
  t.match(
    of('x64'),
    /for PCs and servers \(x64\) alone\. For 64-bit ARM, such as a Pi \(arm64\): fleet releases add .*-linux-arm64/,
  );
  t.match(of('arm64'), /such as a Pi \(arm64\) alone\. For PCs and servers \(x64\): fleet releases add .*-linux-x64/);
  t.equal(of('x64', 'arm64'), 'It needs nothing on that machine but 64-bit Linux.');
  t.end();
});
