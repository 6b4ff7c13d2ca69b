// Agents of a team on two machines: what one was told the other recalls, with the name of who was told; an agent outside of the team does not,
// and without the coordinator each has its own.

import { join } from 'node:path';
import t from 'tap';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { ended, namesIn, presence, ready, submit } from '../fixtures/steps.ts';

t.setTimeout(120_000);
t.test('a team shares its memories', async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('one', { profile: 'home', seed: 1 });
  await fleet.simulate('two', { profile: 'home', seed: 101 });
  const [one, two] = [namesIn(fleet, 'one')[0] as string, namesIn(fleet, 'two')[0] as string];
  for (const node of [one, two]) await presence(fleet, node, 'online');
  const memory = { recall: 5, remember: 'turns' } as const;
  const on = (node: string) => ({ placement: { nodes: [node] } as never });
  await fleet.apply({ name: 'porter', memory: { ...memory, scope: 'team', team: 'house' }, ...on(one) });
  await fleet.apply({ name: 'cook', memory: { ...memory, scope: 'team', team: 'house' }, ...on(two) });
  await fleet.apply({ name: 'stranger', memory, ...on(two) });
  for (const agent of ['porter', 'cook', 'stranger']) await ready(fleet, agent);
  await fleet.client.call('memoryAdd', { params: { agent: 'porter' }, body: { text: 'The gate code is 4711.' } });
  await until('it is written', async () =>
    (await fleet.client.call('memoryLog', { params: { agent: 'porter' }, query: {} })).some(
      ({ kind }) => kind === 'note',
    ),
  );
  const asks = async (agent: string) => {
    // An answer in a conversation tells how it came about.
    const conversation = await fleet.client.call('conversationOpen', { body: { agent } });
    const { id } = await submit(fleet, agent, 'What is the gate code?', { conversation: { id: conversation.id } });
    return ended(fleet, id);
  };
  // On a loaded machine the coordinator may not answer in time: then the agent answers without, and says so.
  const found = await until('it is looked for in time', async () => {
    const { trace } = await asks('cook');
    t.match(trace?.shared, /^(searched|late)$/);
    return trace?.shared === 'searched' && trace.recalled;
  });
  const ofPorter = found.filter(({ agent }) => agent === 'porter').map(({ text }) => text);
  t.same(ofPorter, ['The gate code is 4711.']);
  const { trace } = await asks('stranger');
  t.same([trace?.shared, trace?.recalled], [undefined, []], 'it shares with nobody');
  const shown = await runFleet(['agents', 'show', 'cook', '--data', join(fleet.folder, 'coordinator')]);
  t.match(shown.stdout, /shared with team house/, shown.stderr);
  const refused = fleet.apply({ name: 'cook', memory: { ...memory, scope: 'team' } });
  await t.rejects(refused, {
    message: /memory\.team: expected the name of the team, as memory\.scope is team, got nothing/,
  });
});
