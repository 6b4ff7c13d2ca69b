// A coordinator is backed up, the fleet goes on for a while, and the old one is put back: nodes are ahead of it. What they have comes back,
// what it does not know is said, and a person brings that back in one step each.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Process, startFleet, until } from '../fixtures/processes.ts';
import { ask, chainFault, memoryOf, namesIn, nodeOf, presence, ready, submit, taskOf } from '../fixtures/steps.ts';

const root = new URL('../..', import.meta.url).pathname;
const run = (command: string, args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(join(root, 'bin', command), args, (error, stdout, stderr) =>
      resolve({ code: (error?.code as unknown as number) ?? 0, stdout, stderr }),
    );
  });

t.setTimeout(300_000);
t.test('an older coordinator meets nodes that are ahead of it', async (t) => {
  const fleet = await startFleet(t);
  const data = join(fleet.folder, 'coordinator');
  const cli = (...words: string[]) => run('fleet', [...words, '--data', data]);
  const processes = new Map<string, Process>();
  const start = async (folder: string, seed: number) => {
    const process = await fleet.simulate(folder, { profile: 'home', seed });
    const [name] = namesIn(fleet, folder) as [string];
    processes.set(name, process);
    await presence(fleet, name, 'online');
    return name;
  };
  const [one, two] = [await start('one', 1), await start('two', 101)];
  const keep = { memory: { recall: 5, remember: 'turns' as const } };
  // `stays` is where it was all the time; `moves` is on another node when the old coordinator is back.
  await fleet.apply({ name: 'stays', ...keep, placement: { nodes: [one] } as never });
  await fleet.apply({ name: 'moves', ...keep, placement: { nodes: [one] } as never });
  for (const name of ['stays', 'moves']) {
    await ready(fleet, name, one);
    await ask(fleet, name, `${name} before the backup`);
    await until('it is upstream', async () => (await memoryOf(fleet, name)).some(({ kind }) => kind === 'turn'));
  }
  // Under way when the backup is made, done when the old coordinator is back.
  const slow = await submit(fleet, 'stays', 'a b c d e f g h i j k l m n o p q r s t u v w x y z '.repeat(2));
  await until('it runs', async () => (await taskOf(fleet, slow.id)).state === 'running');
  const made = await cli('backup', '--to', `${fleet.folder}/`, '--json');
  t.equal(made.stderr, '');
  const backup = JSON.parse(made.stdout) as { path: string; bytes: number };
  t.match(await cli('backup', 'verify', backup.path), {
    code: 0,
    stdout: /every hash is right.*\n.*2 nodes, 2 agents/,
  });
  t.match(await cli('backup', 'list'), { stdout: /person +no/ });

  // The fleet goes on.
  await until('the slow task is done', async () => (await taskOf(fleet, slow.id)).state === 'done');
  await ask(fleet, 'stays', 'stays after the backup');
  await ask(fleet, 'moves', 'moves after the backup, on its first node');
  await fleet.apply({ name: 'moves', ...keep, placement: { nodes: [two] } as never });
  await ready(fleet, 'moves', two);
  await ask(fleet, 'moves', 'moves after the backup, on its second node');
  await fleet.apply({ name: 'late', ...keep, placement: { nodes: [two] } as never });
  await ready(fleet, 'late', two);
  await ask(fleet, 'late', 'late was made after the backup');
  const three = await start('three', 201);
  const textsOf = async (name: string) =>
    (await memoryOf(fleet, name)).flatMap(({ kind, payload }) =>
      kind === 'turn' || kind === 'merge' ? [payload?.text ?? ''] : [],
    );
  await until(
    'all is upstream',
    async () =>
      (await Promise.all(['stays', 'moves', 'late'].map(textsOf)))
        .flat()
        .filter((text) => text.includes('after the backup')).length === 4,
  );
  const staysBefore = await memoryOf(fleet, 'stays');

  const refused = await cli('restore', backup.path);
  t.match(refused, { code: 1, stderr: /A coordinator, or another restore, uses .*Stop it first/ });
  await fleet.stopCoordinator('SIGTERM');
  t.match(await cli('restore', backup.path), { code: 1, stderr: /is not empty.*--replace/ });
  t.match(await cli('restore', backup.path, '--replace'), {
    code: 0,
    stdout: /is as it was when .*What was there before is in .*before-restore-/s,
  });
  await fleet.startCoordinator();
  t.equal(readFileSync(join(data, 'admin.key'), 'utf8').length > 10, true);

  await t.test('memories come back', async (t) => {
    for (const name of [one, two]) await presence(fleet, name, 'online');
    await until(
      'those of the agent that stayed',
      async () => (await textsOf('stays')).some((text) => text.includes('stays after the backup')),
      60_000,
    );
    const stays = await memoryOf(fleet, 'stays');
    t.strictSame(
      stays.slice(0, staysBefore.length).map(({ hash }) => hash),
      staysBefore.map(({ hash }) => hash),
      'its log is the same, link by link',
    );
    await until(
      'those of the agent that moved, from both of its nodes',
      async () => {
        const texts = await textsOf('moves');
        return ['first node', 'second node'].every((words) => texts.some((text) => text.includes(words)));
      },
      90_000,
    );
    await until('no branch waits', async () => (await fleet.client.call('branches')).length === 0, 60_000);
    const texts = await textsOf('moves');
    for (const words of ['before the backup', 'first node', 'second node'])
      t.equal(texts.filter((text) => text.includes(words)).length, 1, `"${words}" once`);
    for (const name of ['stays', 'moves']) t.equal(await chainFault(fleet, name), null);
    t.equal((await ready(fleet, 'moves')).node, one, 'it is where the backup has it');
    t.match(await ask(fleet, 'stays', 'Who are you?'), { state: 'done' });
    t.match(await ask(fleet, 'moves', 'Who are you?'), { state: 'done' });
    t.match(await taskOf(fleet, slow.id), { state: 'failed', problem: { code: 'restored' } }, 'nobody does it twice');
    for (const name of [one, two])
      t.notMatch(
        (await nodeOf(fleet, name)).conditions?.map(({ code }) => code),
        ['not-its-own'],
      );
  });

  await t.test('the report says what came back, what did not, and brings back the rest', async (t) => {
    await until(
      'the new node has knocked',
      async () => (await fleet.client.call('restoreReport')).nodes.length === 1,
      90_000,
    );
    const report = await fleet.client.call('restoreReport');
    t.match(report.restored, { tasks: 1 });
    t.match(
      report.agents.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      [
        { name: 'late', node: two, isKnown: false, isBack: false },
        { name: 'moves', node: two, version: 2, isKnown: true, isBack: false },
      ],
    );
    t.match(report.nodes, [{ node: three, isIn: false }]);
    t.strictSame(report.silent, []);
    const words = (await cli('restore', '--report')).stdout;
    t.match(words, /Restored at .* from the backup of/);
    t.match(words, new RegExp(`Came back from nodes:\\n(.*\\n)*.*of stays, from ${one}`));
    t.match(words, /late, version 1 on/);
    t.match(words, new RegExp(`joined since(.*\\n)*.*${three}`));
    t.comment(words);
    t.match(await cli('restore', 'agent', 'late'), { code: 0, stdout: /late is back as version/ });
    await ready(fleet, 'late', two);
    await until(
      'its memory',
      async () => (await textsOf('late')).some((text) => text.includes('late was made after the backup')),
      60_000,
    );
    t.match(await ask(fleet, 'late', 'Who are you?'), { state: 'done' });
    t.match(await cli('restore', 'agent', 'moves'), { code: 0, stdout: /moves is back as version 2/ });
    await ready(fleet, 'moves', two);
    t.match(await cli('restore', 'node', three), { code: 0 });
    await presence(fleet, three, 'online');
    t.match(await cli('restore', 'agent', 'late'), { code: 1, stderr: /was brought back already/ });
    const audit = await fleet.client.call('audit', { query: { limit: 20 } });
    for (const row of [{ action: 'restore-agent' }, { action: 'restore-node', subject: three }])
      t.ok(
        audit.some(({ action, subject }) => action === row.action && subject === (row.subject ?? subject)),
        row.action,
      );
  });
});
