// What a person gives to an agent comes into its memory once, though its node and the coordinator are killed on the way: real processes, real
// files. A document that is taken back is erased from the log, which stays whole.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DocumentAdded } from '@blackroad/protocol';
import t from 'tap';
import { startFleet, until } from '../fixtures/processes.ts';
import { ask, chainFault, memoryOf, namesIn, presence, ready } from '../fixtures/steps.ts';

const sections = 300;
const manual = (version: string) =>
  Array.from(
    { length: sections },
    (_, at) =>
      `## Valve ${at + 1}\n\nValve ${at + 1} of ${version} opens at ${at + 100} millibar and has the colour number ${at}.`,
  ).join('\n\n');

t.setTimeout(240_000);
t.test('a document is given while everything is killed', async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '6'] });
  const agent = 'keeper';
  await fleet.apply({ name: agent, memory: { recall: 5, remember: 'turns' } });
  const params = { agent };
  const upload = (name: string, text: string): Promise<DocumentAdded> =>
    fleet.client.upload(
      'documentAdd',
      { name, bytes: Buffer.byteLength(text), fields: {}, content: () => Readable.from([text]) },
      { params },
    );
  const stand = async () => (await fleet.client.call('documents', { params }))[0];
  const parts = async () => {
    const log = await memoryOf(fleet, agent);
    return log.flatMap(({ payload }) => (payload?.document?.chunk ? [payload.document.chunk] : []));
  };

  const given = await fleet.client.call('memoryAdd', {
    params,
    body: { text: 'The pump is called Berta', kind: 'fact' },
  });
  t.match(given, { waits: 'no-node', node: null }, 'the fleet has no node yet');
  const { document } = await upload('manual.md', manual('version 1'));
  t.match(document, { chunks: sections, written: 0, waits: 'no-node', type: 'markdown' });
  t.match(await fleet.client.call('memoryWaiting', { params }), [{ id: given.id, text: 'The pump is called Berta' }]);

  await t.test('the node and the coordinator are killed while it is written', async (t) => {
    let node = await fleet.simulate('one', { profile: 'home', seed: 1 });
    const [name] = namesIn(fleet, 'one') as [string];
    await ready(fleet, agent);
    await until('some of it is written', async () => ((await stand())?.written ?? 0) > 0, 60_000);
    await node.kill('SIGKILL');
    t.ok(((await stand())?.written ?? 0) < sections, 'it was killed in the middle');
    node = await fleet.simulate('one', { profile: 'home', seed: 1 });
    await presence(fleet, name, 'online');
    const before = (await stand())?.written ?? 0;
    await until('more of it is written', async () => ((await stand())?.written ?? 0) > before, 60_000);
    await fleet.restartCoordinator('SIGKILL');
    await until('all of it is written', async () => (await stand())?.written === sections, 90_000);
    t.same(
      await parts(),
      Array.from({ length: sections }, (_, at) => at + 1),
      'each part once, in their order',
    );
    t.equal((await memoryOf(fleet, agent)).filter(({ payload }) => payload?.given === given.id).length, 1);
    t.equal(await chainFault(fleet, agent), null);
    t.same(await fleet.client.call('memoryWaiting', { params }), []);
    const known = await upload('copy.md', manual('version 1'));
    t.match(known, { already: true, document: { id: document.id } }, 'the same file again');
  });

  await t.test('it is recalled, and what was recalled says where it is from', async (t) => {
    const task = await ask(fleet, agent, 'At how many millibar does valve 217 open?');
    t.equal(task.state, 'done');
    t.match(
      task.usage?.documents?.find(({ headings }) => headings === 'Valve 217'),
      { id: document.id, name: 'manual.md' },
    );
    const [hit] = await fleet.client.call('memorySearch', { query: { q: 'valve 217', agent, limit: 1 } });
    t.match(hit, { kind: 'document', document: { name: 'manual.md', chunk: 217, headings: 'Valve 217' } });
  });

  await t.test('a new version takes its place, and a document that is taken back is erased', async (t) => {
    const { document: second } = await upload('manual.md', manual('version 2').slice(0, 5_000));
    t.equal(second.replaces, document.id);
    await until(
      'the first is gone',
      async () => (await fleet.client.call('documents', { params })).length === 1,
      60_000,
    );
    const left = await memoryOf(fleet, agent);
    t.notOk(left.some(({ payload }) => payload?.document?.id === document.id && payload.document.chunk));
    t.match(await fleet.client.call('memoryVerify', { params }), { valid: true, redacted: sections });
    await fleet.client.call('documentRemove', { params: { agent, document: second.id } });
    await until('both are gone', async () => (await fleet.client.call('documents', { params })).length === 0, 60_000);
    t.match(await fleet.client.call('memoryVerify', { params }), { valid: true, redacted: sections + second.chunks });
    t.same(await fleet.client.call('memorySearch', { query: { q: 'colour', agent } }), [], 'nor found by words');
    const objects = join(fleet.folder, 'coordinator/objects');
    t.notOk(
      readdirSync(objects, { recursive: true, encoding: 'utf8' }).some((path) => path.endsWith(second.sha256)),
      'its file went at once',
    );
    const task = await ask(fleet, agent, 'At how many millibar does valve 217 open?');
    t.same(task.usage?.documents ?? [], [], 'and nothing of it is recalled');
  });
});
