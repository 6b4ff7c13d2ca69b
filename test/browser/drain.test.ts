// Draining a node in a real browser: the question shows what placement has worked out, and what is said afterwards is what happens.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet, until } from '../fixtures/processes.ts';

t.test('a drain says beforehand what becomes of the agents', { skip: noBrowser }, async (t) => {
  const fleet = await startFleet(t);
  const { client } = fleet;
  await fleet.simulate('home', { nodes: 2, profile: 'home' });
  for (const name of ['echo', 'greeter']) await fleet.apply({ name });
  const placed = await until('the agents are ready', async () => {
    const agents = await client.call('agents');
    return agents.every(({ state }) => state === 'ready') && agents;
  });
  const node = placed[0]?.node as string;
  const here = placed.filter((agent) => agent.node === node).length;
  const other = (await client.call('nodes')).map(({ id }) => id).find((id) => id !== node) as string;
  const edit = (id: string, body: object) => client.call('nodeEdit', { params: { node: id }, body });
  await edit(other, { cordoned: true });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const { origin } = new URL(page.url());
  const who = here === 1 ? '1 agent has no other place and stays' : `${here} agents have no other place and stay`;

  await t.test('nobody can move: the question, the message and the page say so', async (t) => {
    await page.goto(`${origin}/nodes/${node}`);
    await page.getByRole('button', { name: 'Drain', exact: true }).click();
    const question = page.getByRole('alertdialog', { name: `Drain ${node}?` });
    await question.getByText('Nobody moves.').waitFor();
    await question.getByText(who).waitFor();
    await question.getByText(`Fix: let ${other} take agents again`).waitFor();
    t.notMatch(await question.textContent(), /move to other nodes/);
    t.same(await axeFaultsInBothThemes(page), []);
    await question.getByRole('button', { name: 'Drain' }).click();
    await page
      .getByText(/is draining: its .* no other place and stays?\.$/)
      .first()
      .waitFor();
    // The banner: what is so, for as long as it is so.
    await page
      .getByRole('main')
      .getByText(/^its .* no other place and stays?$/)
      .waitFor();
    t.equal(await page.getByText('move away').count(), 0);
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('it needs attention, with the way out beside it', async (t) => {
    await page.goto(`${origin}/alerts`);
    await page.getByRole('heading', { name: new RegExp(`${node} drains, and .* no other place`) }).waitFor();
    await page.getByRole('button', { name: `Let ${other} take agents` }).click();
    await until('the agents have moved', async () =>
      (await client.call('agents')).every((agent) => agent.node === other && agent.state === 'ready'),
    );
    for (const { name, changedMs, updatedMs } of await client.call('agents')) {
      const before = placed.find((agent) => agent.name === name);
      t.equal(changedMs, before?.changedMs, `${name} was moved, not changed`);
      if (before?.node === node) t.ok(updatedMs > before.updatedMs);
    }
    await page.goto(`${origin}/nodes/${node}`);
    await page.getByRole('main').getByText('drained', { exact: true }).first().waitFor();
    await page.getByText('it is empty, and the coordinator has all that it knew: it may be switched off').waitFor();
    t.pass('moved, and said so');
  });

  await t.test('where all can move, it is said where', async (t) => {
    await edit(node, { draining: false, cordoned: false });
    await page.goto(`${origin}/nodes/${other}`);
    await page.getByRole('button', { name: 'Drain', exact: true }).click();
    const question = page.getByRole('alertdialog', { name: `Drain ${other}?` });
    await question.getByText('2 agents move', { exact: true }).waitFor();
    await question.getByText(`echo, greeter to ${node}`).waitFor();
    await question.getByRole('link', { name: 'See the whole plan' }).click();
    await page.getByRole('status').filter({ hasText: '2 agents move.' }).waitFor();
    t.match(page.url(), /if=drain%3Anode%3D/);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
