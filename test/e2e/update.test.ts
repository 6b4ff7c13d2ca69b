// The node-agent updates itself, with real processes: releases built from what is installed, a coordinator that keeps and serves them, and a
// node-agent under the launcher. The order comes as the coordinator sends it, over a broker that this test holds. A good release stays, tasks
// go on; one that crashes and one that finds no contact go back; a tampered archive on the way is refused.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { type EventParams, type NodeEvent, topicOf, type UpdateNode } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import t from 'tap';
import { openCa } from '../../coordinator/src/ca/ca.ts';
import { archiveOf } from '../../release/src/dist.ts';
import { type Arch, Packages } from '../../release/src/packages.ts';
import { products } from '../../release/src/products.ts';
import { signatureOf } from '../../release/src/secret-key.ts';
import { type Tree, text } from '../../release/src/tree.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { createThrowawayBroker } from '../fixtures/node-agent/throwaway-broker.ts';
import type { ThrowawayCa } from '../fixtures/node-agent/throwaway-ca.ts';
import { childWith, type Fleet, runFleet, startFleet, until } from '../fixtures/processes.ts';
import { sampleKey } from '../fixtures/sample-release.ts';
import { ended, nodeOf, presence, ready, submit, taskOf } from '../fixtures/steps.ts';

const root = resolve(import.meta.dirname, '../..');
const arch = process.arch as Arch;
const skip = ['x64', 'arm64'].includes(arch) && process.platform === 'linux' ? false : 'there is no release for here';
const node = 'boxed';
const key = sampleKey();
t.setTimeout(300_000);

/** What a release is built from, without llama.cpp, and with the Node of this test in place of a copy. */
async function installedParts(
  folder: string,
): Promise<{ tree: Tree; packages: Awaited<ReturnType<typeof built>>['packages'] }> {
  const found = await built(folder);
  const tree = new Map([...found.tree].filter(([path]) => !/^node_modules\/.*llama/.test(path)));
  return { ...found, tree };
}
function built(folder: string) {
  const own = join(folder, 'own-node');
  mkdirSync(join(own, 'bin'), { recursive: true });
  writeFileSync(join(own, 'bin/node'), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  const about = { name: `node-linux-${arch}`, version: process.versions.node, license: 'MIT' };
  writeFileSync(join(own, 'package.json'), JSON.stringify(about));
  const packages = new Packages({ root, parts: join(folder, 'parts'), npm: ['false'], say: () => {}, ownNode: own });
  return products[0]!.build(packages, root, arch);
}

/** A fleet whose broker is this test's, so that the test can give orders in the coordinator's place. */
async function open() {
  // A restart takes longer than the patience that other tests have with a node: this is the usual one.
  const args = ['--lost-after', '10'];
  const fleet = await startFleet(t, { args });
  const parts = { clock: systemClock, random: systemRandom, fleetName: 'x', enrolled: async () => 0 };
  const ca = await openCa({ dir: join(fleet.folder, 'coordinator/ca'), ...parts });
  const authority = { pem: ca.pem, server: () => ca.issueServer({ hosts: [] }) } as unknown as ThrowawayCa;
  const broker = await createThrowawayBroker(authority);
  t.teardown(() => broker.kill());
  args.push('--broker', `mqtts://127.0.0.1:${broker.port}`);
  await fleet.restartCoordinator('SIGTERM');
  return { fleet, broker };
}

/** The same model server, which takes six seconds for a question that has the word `slowly`. */
async function slowFront(target: string): Promise<string> {
  const front = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      const pass = () => {
        const { method, headers } = request;
        const passed = ask(`${target}${request.url}`, { method: method as string, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
        passed.on('error', () => response.destroy()).end(body);
      };
      const wait = setTimeout(pass, body.includes('slowly') ? 6000 : 0);
      response.on('close', () => clearTimeout(wait));
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    front.closeAllConnections();
    front.close();
  });
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

/** As whoever installs a release does it; then the launcher keeps it running. */
async function install(fleet: Fleet, archive: string, openai: string) {
  const home = join(fleet.folder, 'home');
  const data = join(fleet.folder, node);
  const release = join(home, 'releases/1.0.0');
  mkdirSync(release, { recursive: true });
  for (const name of ['updates', 'release-keys']) mkdirSync(join(home, name));
  await ran(['tar', 'xzf', archive, '--strip-components=1', '-C', release]);
  cpSync(join(release, 'launch'), join(home, 'launch'));
  symlinkSync('releases/1.0.0', join(home, 'current'));
  writeFileSync(join(home, 'release-keys/blackroad.pub'), key.pub);
  await ran([join(home, 'current/bin/fleet-node'), 'join', await fleet.token(), '--data', data, '--name', node]);
  const options = ['--data', data, '--ollama', 'none', '--fetch', 'none', '--openai', openai, '--soak', '1'];
  const child = spawn(join(home, 'launch'), ['keep', 'run', ...options], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (piece) => {
    log = (log + piece).slice(-200_000);
  });
  t.teardown(() => process.kill(-(child.pid as number), 'SIGKILL'));
  return { child, home, data, log: () => log };
}
function ran([program = '', ...args]: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (piece) => {
      said += piece;
    });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ${args[0]}: ${code}\n${said}`))));
  });
}

const crashes = "if (process.argv.includes('run')) setTimeout(() => process.exit(1), 300);\n";
const deaf =
  "if (process.argv.includes('run')) process.getBuiltinModule('node:net').Socket.prototype.connect = function () { return this; };\n";

t.test('the node-agent updates itself', { skip }, async (t) => {
  const { fleet, broker } = await open();
  const server = await startModelServer();
  t.teardown(() => server.close());
  const parts = await installedParts(fleet.folder);
  const data = ['--data', join(fleet.folder, 'coordinator')];
  /** `before`: what its program does first. */
  const release = async (version: string, before = '') => {
    const main = parts.tree.get('main.mjs') as { content: Buffer };
    const tree = new Map([...parts.tree, ['main.mjs', text(before + main.content.toString())] as const]);
    const source = { root, version, commit: 'c'.repeat(40), epochS: 1_700_000_000 };
    const content = await archiveOf(products[0]!, source, arch, { ...parts, tree });
    const file = join(fleet.folder, `blackroad-node-${version}.tar.gz`);
    const signature = signatureOf(content, key.secret, `file:${version}`);
    writeFileSync(file, content);
    writeFileSync(`${file}.minisig`, signature);
    const added = await runFleet(['releases', 'add', file, ...data]);
    t.equal(added.code, 0, added.stderr);
    return { file, version, sha256: sha256Hex(content), bytes: content.length, signature, downgrade: false };
  };
  mkdirSync(join(fleet.folder, 'coordinator/release-keys'), { recursive: true });
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/blackroad.pub'), key.pub);
  const first = await release('1.0.0');
  const installed = await install(fleet, first.file, await slowFront(server.url));
  await presence(fleet, node, 'online');
  await fleet.apply({ name: 'worker' });
  await ready(fleet, 'worker', node);

  let rollouts = 0;
  /** What the node told of an update, once it is over. */
  const update = async (
    { file: _, ...order }: Omit<UpdateNode, 'rollout'> & { file?: string },
    while_ = async () => {},
  ) => {
    const rollout = `r${++rollouts}`;
    const told = () =>
      broker.heard
        .filter(({ topic }) => topic === topicOf('nodeEvent', { node, type: 'update' }))
        .map(({ payload }) => (JSON.parse(payload) as NodeEvent).data as unknown as EventParams<'update'>)
        .filter((data) => data.rollout === rollout);
    await broker.publish(topicOf('update', { node }), JSON.stringify({ rollout, ...order }));
    await while_();
    const over = ['committed', 'rolled-back', 'refused', 'failed'];
    await until(
      `${order.version} ends`,
      async () => {
        if (over.includes(told().at(-1)?.state ?? '')) return true;
        throw new Error(
          `${told()
            .map(({ state }) => state)
            .join(', ')}\n${installed.log().slice(-3000)}`,
        );
      },
      90_000,
    );
    return told();
  };
  const versionNow = async () => {
    await presence(fleet, node, 'online');
    const view = await until('the node says its version', async () => {
      const found = await nodeOf(fleet, node);
      return found.version !== null && found;
    });
    return view.version;
  };

  await t.test('a good release, while an agent works and the process is killed in the middle', async (t) => {
    const task = await submit(fleet, 'worker', 'Say it.');
    const told = await update(await release('1.1.0'), async () => {
      await broker.hears(({ payload }) => payload.includes('"fetching"'));
      process.kill(childWith(installed, 'main.mjs') as number, 'SIGKILL');
    });
    // What was on its way when the process died is sent again.
    t.match(told.map(({ state }) => state).join(' '), /^fetching (fetching )+staged switching soaking committed$/);
    t.equal(await versionNow(), '1.1.0');
    t.equal((await ended(fleet, task.id)).state, 'done', 'its task is done');
    t.match((await nodeOf(fleet, node)).info, { version: '1.1.0', updates: true });
    const next = await submit(fleet, 'worker', 'hello');
    t.match(await ended(fleet, next.id), { state: 'done', node });
  });

  if (!process.env.X)
    await t.test('one that crashes after its start', async (t) => {
      const told = await update(await release('1.2.0', crashes));
      t.match(told.at(-1), { state: 'rolled-back', text: /1.1.0 runs again: it ended 3 times/ });
      t.equal(await versionNow(), '1.1.0');
    });

  if (!process.env.X)
    await t.test('one that finds no contact', async (t) => {
      const told = await update(await release('1.3.0', deaf));
      t.match(told.at(-1), { state: 'rolled-back', text: /no contact with the coordinator/ });
      t.equal(await versionNow(), '1.1.0');
    });

  await t.test('what is not as it should be', async (t) => {
    const good = await release('1.4.0');
    const archive = join(fleet.folder, 'coordinator/releases', good.sha256);
    const bytes = readFileSync(archive);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(archive, bytes);
    t.match((await update(good)).at(-1), { state: 'refused', text: /expected SHA-256/ }, 'tampered with');
    const foreign = signatureOf(readFileSync(good.file), sampleKey().secret, 'file:x');
    t.match((await update({ ...good, signature: foreign })).at(-1), {
      state: 'refused',
      text: /expected one by a trusted key/,
    });
    t.match((await update(first)).at(-1), { state: 'refused', text: /1.0.0 is older than 1.1.0/ }, 'replayed');
    const reasons = await until('the fleet has counted them', async () => {
      const events = await fleet.client.call('events', { query: { type: 'install-refused' } });
      return events.length === 3 && events.map(({ params }) => [params.reason, params.by]);
    });
    t.same(
      reasons.sort(),
      ['hash', 'key', 'older'].map((reason) => [reason, `node:${node}`]),
    );
    t.equal(await versionNow(), '1.1.0');
  });

  await t.test('an older one, with consent, while a task runs for longer than the switch waits', async (t) => {
    const task = await submit(fleet, 'worker', 'Say it slowly.', { attempts: 1 });
    await until('it runs', async () => {
      return (await taskOf(fleet, task.id)).state === 'running';
    });
    t.match((await update({ ...first, downgrade: true })).at(-1), { state: 'committed' });
    t.equal(await versionNow(), '1.0.0');
    const { state, past } = await ended(fleet, task.id);
    t.match(past, [{ outcome: 'refused', text: /was stopped on this node/ }], 'it was handed back');
    t.equal(state, 'done', 'and that used up none of its one attempt');
  });
});
