// The memory of an agent as one file, with real processes: exported, verified without a coordinator, and imported into another agent while its
// node and the coordinator are killed. What was imported goes round through files and comes in no second time.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { MemoryImported } from '@blackroad/protocol';
import t from 'tap';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { chainFault, memoryOf, namesIn, presence, ready } from '../fixtures/steps.ts';

const sections = 250;
const manual = Array.from(
  { length: sections },
  (_, at) => `## Valve ${at}\n\nValve ${at} opens at ${at + 100} millibar.`,
);

t.setTimeout(240_000);
t.test('a memory goes round as a file while everything is killed', async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '6'] });
  const data = ['--data', join(fleet.folder, 'coordinator')];
  for (const name of ['first', 'second']) await fleet.apply({ name, memory: { recall: 5, remember: 'turns' } });
  let node = await fleet.simulate('one', { profile: 'home', seed: 1 });
  const [name] = namesIn(fleet, 'one') as [string];
  for (const agent of ['first', 'second']) await ready(fleet, agent);
  const text = manual.join('\n\n');
  const file = { name: 'manual.md', bytes: Buffer.byteLength(text), fields: {}, content: () => Readable.from([text]) };
  const { document } = await fleet.client.upload('documentAdd', file, { params: { agent: 'first' } });
  const standOf = async (agent: string, id: string) =>
    (await fleet.client.call('documents', { params: { agent } })).find((each) => each.id === id);
  await until('the first remembers', async () => (await standOf('first', document.id))?.written === sections, 60_000);
  await fleet.client.call('memoryCheckpoint');

  const path = join(fleet.folder, 'first.jsonl');
  const saved = await runFleet(['memory', 'export', 'first', '--to', path, ...data]);
  t.match(
    saved,
    {
      code: 0,
      stdout: new RegExp(`valid: ${sections + 1} entries of first, ${sections + 1} of them under checkpoint`),
    },
    saved.stderr,
  );
  t.match(
    await runFleet(['memory', 'verify', '--file', path]),
    { code: 0, stdout: /^valid: / },
    'without a coordinator',
  );

  const answer = JSON.parse(
    (await runFleet(['memory', 'import', 'second', path, '--json', ...data])).stdout,
  ) as MemoryImported;
  const id = answer.document?.id as string;
  t.match(answer, { isWhole: true, already: 0, left: 0, document: { chunks: sections } });
  const written = async () => (await standOf('second', id))?.written ?? 0;
  await until('some of it is written', async () => (await written()) > 0, 60_000);
  await node.kill('SIGKILL');
  t.ok((await written()) < sections, 'it was killed in the middle');
  node = await fleet.simulate('one', { profile: 'home', seed: 1 });
  await presence(fleet, name, 'online');
  await fleet.restartCoordinator('SIGKILL');
  await until('all of it is written', async () => (await written()) === sections, 90_000);
  const log = (await memoryOf(fleet, 'second')).filter(({ kind }) => kind === 'import');
  t.same(
    log.map(({ payload }) => payload?.text.split('\n').at(-1)),
    manual.map((part) => part.split('\n').at(-1)),
    'each once, in their order',
  );
  t.match(log[0]?.payload, {
    imported: { agent: 'first', kind: 'document', isVerified: true },
    source: `import:${id}`,
  });
  t.equal(await chainFault(fleet, 'second'), null);

  const back = join(fleet.folder, 'second.jsonl');
  await runFleet(['memory', 'export', 'second', '--to', back, ...data]);
  const round = await runFleet(['memory', 'import', 'first', back, ...data]);
  t.match(
    round,
    { code: 0, stdout: new RegExp(`nothing in it is new to first. ${sections} memories it has already`) },
    round.stderr,
  );
  t.match((await runFleet(['memory', 'import', 'second', path, ...data])).stdout, /nothing in it is new/);

  const edited = join(fleet.folder, 'edited.jsonl');
  writeFileSync(edited, readFileSync(path, 'utf8').replace('opens at 150 millibar', 'opens at 950 millibar'));
  t.match(await runFleet(['memory', 'verify', '--file', edited]), {
    code: 1,
    stdout: /NOT valid:\n {2}line \d+: entry \d+: its content was changed/,
  });

  await fleet.client.call('documentRemove', { params: { agent: 'second', document: id } });
  await until('it is taken back', async () => (await standOf('second', id)) === undefined, 60_000);
  t.match(await fleet.client.call('memoryVerify', { params: { agent: 'second' } }), {
    valid: true,
    redacted: sections,
  });
  t.same(await fleet.client.call('memorySearch', { query: { q: 'millibar', agent: 'second' } }), []);
});
