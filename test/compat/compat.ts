// The version before this one beside this one, both ways, as while a fleet is updated: a node joins and is heard, an agent works and its memory
// is kept, the gateway answers, the order of an update reaches the node and its answer comes back. `make compat` runs it. earlier.ts says what
// is earlier.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startModelServer } from '../fixtures/model-server.ts';
import { type Fleet, type Programs, runFleet, startFleet, until } from '../fixtures/processes.ts';
import { sampleKey, sampleRelease } from '../fixtures/sample-release.ts';
import { ask, chainFault, memoryOf, nodeOf, presence, ready } from '../fixtures/steps.ts';
import { earlier, earlierSource } from './earlier.ts';

const node = 'boxed';
const folder = mkdtempSync(join(tmpdir(), 'fleet-compat-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
t.setTimeout(600_000);

for (const { commit, text, takesUpdates } of earlier) {
  const source = earlierSource(commit, folder);
  if ('lacking' in source) {
    t.fail(source.lacking);
    continue;
  }
  const coordinator = join(source.root, 'coordinator/src/main.ts');
  const nodeAgent = join(source.root, 'node-agent/src/main.ts');
  t.test(`${commit}, ${text}: its node-agent with this coordinator`, (t) =>
    together(t, { nodeAgent }, takesUpdates ? source.root : null),
  );
  t.test(`${commit}, ${text}: this node-agent with its coordinator`, (t) =>
    together(t, { coordinator }, takesUpdates ? join(import.meta.dirname, '../..') : null),
  );
}

/** `updated`: the source of the node-agent, which then gets an order. */
async function together(t: Test, programs: Partial<Programs>, updated: string | null): Promise<void> {
  const fleet = await startFleet(t, { programs, args: ['--log', 'warn'] });
  const server = await startModelServer();
  t.teardown(() => server.close());
  const key = sampleKey();
  const home = updated === null ? [] : layOut(fleet, updated, key.pub);
  const agent = await fleet.runNode(node, { extra: ['--openai', server.url, ...home] });
  await presence(fleet, node, 'online');
  const heard = await until('heartbeats are heard', async () => {
    const { health } = await nodeOf(fleet, node);
    return health;
  });
  t.ok(heard, 'its health is known');
  await fleet.apply({ name: 'worker' });
  await ready(fleet, 'worker', node);
  t.match(await ask(fleet, 'worker', 'My name is Ada.'), { state: 'done', node });
  await until('its memory has come', async () => (await memoryOf(fleet, 'worker')).length > 0);
  t.equal(await chainFault(fleet, 'worker'), null, 'and the chain is whole');
  await gatewayAnswers(t, fleet);

  await fleet.restartCoordinator('SIGKILL');
  await presence(fleet, node, 'online');
  t.match(await ask(fleet, 'worker', 'And now?'), { state: 'done', node }, 'after a restart');
  await agent.kill('SIGTERM');
  await until('it is told that the node left', async () => (await nodeOf(fleet, node)).presence !== 'online');
  await fleet.runNode(node, { extra: ['--openai', server.url, ...home] });
  await presence(fleet, node, 'online');
  if (updated !== null) await updateReaches(t, fleet, key);
  t.same(await refusedMessages(fleet), [], 'no message was refused');
}

/** What the coordinator counted of messages that it did not take. */
async function refusedMessages({ client }: Fleet): Promise<string[]> {
  const lines = String(await client.call('metrics')).split('\n');
  const counted = lines.filter((line) => /^blackroad_.*(invalid|unknown-topic|not-json|too-large)/.test(line));
  return counted.filter((line) => !line.endsWith(' 0'));
}

async function gatewayAnswers(t: Test, fleet: Fleet): Promise<void> {
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'app', role: 'client' } });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const chat = async (stream: boolean) => {
    const body = JSON.stringify({ model: 'auto', stream, messages: [{ role: 'user', content: 'hello' }] });
    const response = await fetch(`${fleet.client.url}/v1/chat/completions`, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text() };
  };
  t.match(await chat(false), { status: 200, text: /"content":/ }, 'the gateway answers');
  t.match(await chat(true), { status: 200, text: /data: \[DONE\]/ }, 'and streams');
}

/** As an installation that updates itself has it; the release that runs is the source. */
function layOut(fleet: Fleet, source: string, pub: string): string[] {
  const home = join(fleet.folder, 'home');
  for (const name of ['releases', 'updates', 'release-keys']) mkdirSync(join(home, name), { recursive: true });
  symlinkSync(join(source, 'node-agent/src'), join(home, 'releases/0.1.0'));
  symlinkSync('releases/0.1.0', join(home, 'current'));
  for (const data of [node, 'coordinator']) {
    mkdirSync(join(fleet.folder, data, 'release-keys'), { recursive: true, mode: 0o700 });
    writeFileSync(join(fleet.folder, data, 'release-keys/ours.pub'), pub);
  }
  // Versions until a4c8c737 have the keys of a node in its data, later ones in its home.
  writeFileSync(join(home, 'release-keys/ours.pub'), pub);
  return ['--home', home, '--soak', '1'];
}

/**
 * A release that does not start on any machine, and one of what runs, without which nothing is rolled out: the order, the download and what came
 * of it go over the wire.
 */
async function updateReaches(t: Test, fleet: Fleet, key: ReturnType<typeof sampleKey>): Promise<void> {
  for (const version of ['0.1.0', '9.0.0']) {
    const { content, signature } = await sampleRelease(key, { version, arch: process.arch }, { more: {} });
    const file = join(fleet.folder, `${version}.tar.gz`);
    writeFileSync(file, content);
    writeFileSync(`${file}.minisig`, signature);
    const added = await runFleet(['releases', 'add', file, '--data', join(fleet.folder, 'coordinator')]);
    t.equal(added.code, 0, added.stderr);
  }
  await until('the node says that it takes updates', async () => (await nodeOf(fleet, node)).info?.updates === true);
  const body = { what: { kind: 'node-agent', version: '9.0.0' }, soakSeconds: 5 } as const;
  await fleet.client.call('rolloutStart', { body });
  const told = await until('the node tells of it', async () => {
    const events = await fleet.client.call('events', { query: { limit: 100 } });
    return events.find(({ type, params }) => type === 'update' && ['failed', 'refused'].includes(String(params.state)));
  });
  t.match(told.params, { version: '9.0.0', text: /does not start here/ });
}
