// Values by key with real processes: a person sets one with the command, the agent's node writes it, it is read exactly, follows the agent to another
// node, waits while that is away, and survives kills on both sides.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { programOf, startFleet, until } from '../fixtures/processes.ts';
import { chainFault, namesIn, presence, ready } from '../fixtures/steps.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}
const entry = programOf('coordinator/cli/src/main.ts');

t.setTimeout(240_000);
t.test('values of an agent', async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '6'] });
  const agent = 'keeper';
  const run = (words: string[], input?: string) =>
    new Promise<Ran>((resolve) => {
      const data = ['--data', join(fleet.folder, 'coordinator')];
      const args = ['--disable-warning=ExperimentalWarning', entry, ...words, ...data];
      const child = execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
      child.stdin?.end(input ?? '');
    });
  await fleet.apply({ name: agent, memory: { recall: 5, remember: 'turns' } });
  t.match(await run(['memory', 'get', agent, 'door code']), {
    code: 4,
    stdout: '',
    stderr: /There is no value "door code"/,
  });
  t.match(await run(['memory', 'set', agent, 'door code', '1234']), {
    code: 0,
    stdout: 'door code is set later; it waits: the agent is on no node.\n',
  });
  t.match(await run(['memory', 'get', agent, 'door code']), {
    code: 4,
    stdout: '',
    stderr: /now: "1234" by admin waits/,
  });

  let node = await fleet.simulate('one', { profile: 'home', seed: 1 });
  await ready(fleet, agent);
  const holds = (text: string) =>
    until(`${text} holds`, async () => (await run(['memory', 'get', agent, 'door code'])).stdout === text, 60_000);
  await holds('1234\n');
  t.match(await run(['memory', 'set', agent, 'door code', '-'], 'two\nlines "quoted"\n'), { code: 0 });
  await node.kill('SIGKILL');
  t.match(await run(['memory', 'set', agent, 'note', 'is set while it is away']), { code: 0, stdout: /^note is set / });
  await fleet.restartCoordinator('SIGKILL');
  node = await fleet.simulate('one', { profile: 'home', seed: 1 });
  const [name] = namesIn(fleet, 'one') as [string];
  await presence(fleet, name, 'online');
  await holds('two\nlines "quoted"\n');
  await until('all is written', async () => {
    const { values } = await fleet.client.call('memoryValues', { params: { agent } });
    return values.length === 2 && values.every(({ entry, waiting }) => entry && waiting.length === 0);
  });
  t.match(await run(['memory', 'values', agent]), { code: 0, stdout: /door code .*by admin .*two lines "quoted"/ });
  const found = await fleet.client.call('memorySearch', { query: { q: 'door code 1234', agent, limit: 10 } });
  t.strictSame(
    found.map(({ text }) => text),
    ['door code: two\nlines "quoted"'],
    'what was there before is not found',
  );

  t.match(await run(['memory', 'unset', agent, 'door code']), { code: 0 });
  await until('it is gone', async () => (await run(['memory', 'get', agent, 'door code'])).code === 4, 60_000);
  t.match(await run(['memory', 'values', agent]), { stdout: /^KEY .*\nnote .*is set while it is away\n$/ });
  t.equal(await chainFault(fleet, agent), null);
});
