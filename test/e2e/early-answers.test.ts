// An agent with a large memory moves to a node that has nothing of it: it answers there with the newest and the most important memories while the
// rest is on its way, says so, and has the same log in the end, also where its node is killed in the middle.
import { Readable } from 'node:stream';
import t from 'tap';
import { type Process, startFleet, until } from '../fixtures/processes.ts';
import { agentOf, ask, chainFault, memoryOf, namesIn, presence, ready } from '../fixtures/steps.ts';

const sections = 3_000;
const manual = Array.from(
  { length: sections },
  (_, at) => `## Valve ${at}\n\nValve ${at} opens at ${at + 100} millibar.`,
);

t.setTimeout(300_000);
t.test('it answers before its memory is complete', async (t) => {
  const fleet = await startFleet(t);
  await fleet.apply({ name: 'keeper', memory: { recall: 5, remember: 'turns' } });
  const processes = { one: await fleet.simulate('one', { profile: 'home', seed: 1 }) } as Record<string, Process>;
  const names = { one: namesIn(fleet, 'one')[0] as string, two: '' };
  await ready(fleet, 'keeper', names.one);
  const params = { agent: 'keeper' };
  await fleet.client.call('memoryAdd', {
    params,
    body: { text: 'The gate code is 4711.', kind: 'fact', importance: 0.9 },
  });
  const text = manual.join('\n\n');
  const file = { name: 'manual.md', bytes: Buffer.byteLength(text), fields: {}, content: () => Readable.from([text]) };
  const { document } = await fleet.client.upload('documentAdd', file, { params });
  await until(
    'it remembers',
    async () =>
      (await fleet.client.call('documents', { params })).find(({ id }) => id === document.id)?.written === sections,
    120_000,
  );
  processes.two = await fleet.simulate('two', { profile: 'home', seed: 101 });
  names.two = namesIn(fleet, 'two')[0] as string;
  await presence(fleet, names.two, 'online');

  await fleet.client.call('nodeEdit', { params: { node: names.one }, body: { draining: true, cordoned: true } });
  await until('it is on the other node', async () => (await agentOf(fleet, 'keeper')).node === names.two);
  const part = await until('it answers with a part', async () => {
    const agent = await agentOf(fleet, 'keeper');
    return agent.state === 'ready' && agent.reasonCode === 'memory-fetching' && agent;
  });
  t.match(part.reason, /^answers with [\d,]+ of 3,\d+ memories: the rest is being fetched$/);
  const first = await ask(fleet, 'keeper', 'What is the gate code?');
  t.match(first, { state: 'done', node: names.two, usage: { recalled: 5, partialMemory: { of: sections + 2 } } });
  t.equal(
    first.usage?.documents?.length,
    4,
    'parts near the end of the document, and the code, which is at the beginning of the log',
  );
  t.ok((first.usage?.partialMemory?.have ?? sections) < sections);
  await processes.two.kill('SIGKILL');
  processes.two = await fleet.simulate('two', { profile: 'home', seed: 101 });
  await until(
    'it has all',
    async () => {
      const agent = await agentOf(fleet, 'keeper');
      return agent.state === 'ready' && agent.node === names.two && agent.reasonCode === undefined;
    },
    120_000,
  );
  const last = await ask(fleet, 'keeper', 'At what does valve 17 open?');
  t.match(last, { state: 'done', node: names.two });
  t.equal(last.usage?.partialMemory, undefined);
  t.equal(await chainFault(fleet, 'keeper'), null);
  const turns = (await memoryOf(fleet, 'keeper')).filter(({ kind }) => kind === 'turn');
  t.equal(turns.length, 2);
});
