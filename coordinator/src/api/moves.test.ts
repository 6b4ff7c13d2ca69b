// Frozen moves over the API: how they are shown, how a person resumes them, and the metrics of planning.
import { coordinatorSelf, type FleetTotals } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const totals = async () => (await fleet.call<FleetTotals>('GET', '/v1/fleet')).body;
for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await fleet.node(name);
await fleet.coordinator.submit('node-edit', { by: coordinatorSelf, node: 'f', site: 'barn' });

t.test('frozen, shown with the reason, and released at one site or everywhere', async (t) => {
  t.same((await totals()).moves, { frozen: false, reason: '', where: [], waiting: 0 });
  const nothing = await fleet.problem('POST', '/v1/fleet/release-moves', { body: { site: 'home' } });
  t.match(nothing, { status: 400, detail: /got "home"; nothing is frozen/ });
  for (const id of ['a', 'b', 'c', 'd']) {
    const { boot } = fleet.coordinator.view.nodes.get(id) as { boot: string };
    await fleet.coordinator.submit('node-state', { node: id, message: { state: 'offline', boot, reason: 'test' } });
  }
  await fleet.coordinator.submit('tick', {});
  const { moves } = await totals();
  t.match(moves, { frozen: true, where: [{ site: 'home' }], waiting: 0 });
  t.match(moves.reason, /^4 of 5 nodes of site home went away/);
  const metrics = await fleet.call<string>('GET', '/metrics');
  t.match(metrics.body, /^blackroad_moves_frozen\{site="home"\} 1$/m);
  t.match(await fleet.problem('POST', '/v1/fleet/release-moves', { body: { site: 'barn' } }), { status: 400 });
  t.equal((await fleet.call('POST', '/v1/fleet/release-moves', { body: { site: 'home' } })).status, 204);
  t.same((await totals()).moves.where, []);
  t.equal((await fleet.call('POST', '/v1/fleet/release-moves')).status, 204, 'all of nothing');
});

t.test('what planning cost, and who moved why', async (t) => {
  await fleet.call('PUT', '/v1/agents/greeter', {
    body: { name: 'greeter', model: ['auto'], instructions: 'Be kind.' },
  });
  const placed = new Promise<void>((resolve) => {
    const stop = fleet.coordinator.watch(() => {
      if (!fleet.agent('greeter')?.placement) return;
      stop();
      resolve();
    });
  });
  if (!fleet.agent('greeter')?.placement) await placed;
  // The planner counts a part of a plan when its commit is answered.
  await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
  const { body } = await fleet.call<string>('GET', '/metrics');
  t.match(body, /^blackroad_moves_total\{cause="new"\} 1$/m);
  t.match(body, /^blackroad_moves_total\{cause="rebalance"\} 0$/m);
  for (const name of ['plans_total', 'plan_cpu_ms_total', 'plan_longest_slice_ms', 'commits_total', 'commit_max_ms'])
    t.match(body, new RegExp(`^blackroad_${name} [0-9.]+`, 'm'));
});
