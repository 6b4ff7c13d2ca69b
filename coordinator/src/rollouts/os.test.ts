// Updates of the operating system in the decisions: who is left out, that there is no way back, and when a machine is told to restart.
import type { NodeInfo, OsUpdates, RolloutDetails, RolloutPlan, RolloutView, UpdateOs } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { rolloutRow, rolloutSubject } from '../../../test/fixtures/coordinator/rollout-rows.ts';
import { nodeRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { emptyView } from '../state/view.ts';
import { osKind } from './kinds/os.ts';
import { restartsOf } from './restarts.ts';

type Report = { state: 'begun' | 'updated' | 'restarting' | 'restarted' | 'refused' | 'failed'; restart?: boolean };
/** A node that takes updates, with the orders that it was given. */
class OsNode {
  readonly orders: UpdateOs[] = [];
  readonly node: FakeNode;
  readonly #fleet: ApiFleet;
  constructor(fleet: ApiFleet, node: FakeNode) {
    this.#fleet = fleet;
    this.node = node;
    node.onMessage = (decoded) => {
      if (decoded.name === 'updateOs') this.orders.push(decoded.message);
    };
  }
  get jobs(): string {
    return this.orders.map(({ job }) => job).join(' ');
  }
  takes(osUpdates: Partial<OsUpdates> = {}): void {
    const { info } = this.#fleet.coordinator.view.nodes.get(this.node.id) ?? {};
    const updates: OsUpdates = { takes: ['security', 'all'], security: 2, others: 1, restart: false, ...osUpdates };
    this.node.say('nodeInfo', {}, { ...(info as NodeInfo), osUpdates: updates });
  }
  tell({ state, restart }: Report, order = this.orders.at(-1), text = ''): void {
    if (!order) throw new Error('it has no order');
    const boot = this.#fleet.coordinator.view.nodes.get(this.node.id)?.boot ?? '';
    const data = { rollout: order.rollout, job: order.job, state, text, ...(restart === undefined ? {} : { restart }) };
    const message = { boot, atMs: Date.now(), type: 'os-update', severity: 'info' as const, text: state, data };
    this.node.say('nodeEvent', { type: 'os-update' }, message);
  }
  /** Its machine restarted: another boot says hello, and then what became of the order. */
  isUpAgain(): void {
    const { hardware = '' } = this.#fleet.coordinator.view.nodes.get(this.node.id) ?? {};
    const boot = `${this.node.id}-again`.padEnd(16, '0').replaceAll(/[^0-9a-f]/g, '0');
    this.node.say('nodeState', {}, { state: 'online', boot });
    const hello = { boot, version: '0.1.0', hardware, generation: 0, agentIds: true as const, upMs: 10, held: [] };
    this.node.say('nodeHello', {}, hello);
    this.tell({ state: 'restarted' });
  }
}

async function fleetOf(t: Pick<typeof import('tap').default, 'teardown'>, count: number) {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const nodes: OsNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(new OsNode(fleet, await fleet.node(`n${i}`)));
  return { fleet, nodes };
}
const security = { kind: 'os', packages: 'security', restart: 'if-needed' };
const start = async (fleet: ApiFleet, over: object = {}) => {
  const body = {
    what: security,
    waves: [{ percent: 100 }],
    soakSeconds: 1,
    maxUnavailable: 9,
    gates: ['update'],
    ...over,
  };
  return (await fleet.call<RolloutView>('POST', '/v1/rollouts', { body })).body.id;
};
async function until<T>(what: string, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (let i = 0; i < 100; i++) {
    const found = await probe();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ten seconds`);
}
const shown = async (fleet: ApiFleet, id: string) =>
  (await fleet.call<RolloutDetails>('GET', `/v1/rollouts/${id}`)).body;

t.test('who is left out and why, and that there is no way back', async (t) => {
  const { fleet, nodes } = await fleetOf(t, 3);
  const [n0, n1] = nodes as [OsNode, OsNode];
  n0.takes({ restart: true });
  n1.takes({ takes: [], why: 'its root is read-only: what apt writes is in memory' });
  const plan = async (body: object) => (await fleet.call<RolloutPlan>('POST', '/v1/rollouts/plan', { body })).body;
  const { text, waves, leftOut, warnings } = await plan({ what: security });
  t.equal(text, 'security updates of the operating system, with a restart where one is needed');
  t.same(
    waves.flatMap(({ names }) => names),
    ['n0'],
  );
  t.match(warnings, [/no way back: apt keeps no older versions/, /prove little/]);
  t.match(leftOut, [
    { name: 'n1', why: /^cannot: its root is read-only/ },
    { name: 'n2', why: /^takes no updates of its system: no Debian with apt/ },
  ]);
  const no = (body: object) => fleet.problem('POST', '/v1/rollouts', { body });
  t.match(await no({ what: security, onRed: 'roll-back' }), {
    code: 'invalid-request',
    detail: /onRed: expected stop, got "roll-back"\. .* have no way back/,
  });
  const windows = [{ from: '03:00', to: '03:04' }];
  t.match(await no({ what: security, windows }), { code: 'conflict', detail: /needs more than 4 minutes/ });
  t.match(await no({ what: { ...security, packages: 'rm -rf /' } }), { code: 'invalid-request', detail: /what/ });
  const id = await start(fleet, { what: { ...security, restart: 'never' } });
  const view = await shown(fleet, id);
  t.equal(view.onRed, 'stop', 'unless it is asked for');
  t.match(view.subjects, [{ name: 'n0', was: '2 security updates and 1 other wait, restart needed' }]);
  await until('the order', () => n0.jobs === 'security');
  t.match(await fleet.problem('POST', `/v1/rollouts/${id}/roll-back`, {}), { code: 'conflict', detail: /abort it/ });
  n0.tell({ state: 'begun' });
  n0.tell({ state: 'updated', restart: true });
  await until('the end', async () => (await shown(fleet, id)).state === 'done');
  t.equal(n0.jobs, 'security', 'nobody restarts what shall not be restarted');
});

t.test('one machine of a site restarts at a time, of two rollouts too', async (t) => {
  const { fleet, nodes } = await fleetOf(t, 4);
  const [n0, n1, n2, n3] = nodes as [OsNode, OsNode, OsNode, OsNode];
  await fleet.call('PUT', '/v1/nodes/n3', { body: { site: 'attic' } });
  for (const node of nodes) node.takes();
  const first = await start(fleet, { select: { names: ['n0', 'n1', 'n3'] } });
  const second = await start(fleet, { select: { names: ['n2'] } });
  await until('the orders', () => nodes.every(({ jobs }) => jobs === 'security'));
  for (const node of nodes) node.tell({ state: 'updated', restart: true });
  const restarted = () => nodes.filter(({ jobs }) => jobs.endsWith('restart')).map(({ node }) => node.id);
  await until('the first restarts', () => restarted().length === 2);
  t.same(restarted(), ['n0', 'n3'], 'one of each site');
  n0.tell({ state: 'restarting' });
  n3.tell({ state: 'restarting' });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  t.same(restarted(), ['n0', 'n3'], 'nobody else before they are up again');
  t.match(await shown(fleet, second), { reason: /^n2 waits to restart until n0 of its site is up again/ });
  n3.isUpAgain();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  t.equal(restarted().length, 2, 'that one is of another site');
  n0.isUpAgain();
  await until('the next one', () => restarted().length === 3);
  t.equal(n1.jobs, 'security restart');
  t.equal(n2.jobs, 'security');
  // A person restarts n2 by hand meanwhile: it needs none any more.
  n2.tell({ state: 'updated', restart: false });
  await until('the end of the second', async () => (await shown(fleet, second)).state === 'done');
  t.equal(n2.jobs, 'security');
  n1.isUpAgain();
  await until('the end of the first', async () => (await shown(fleet, first)).state === 'done');
});

t.test('a failure stops it, an end leaves things as they are', async (t) => {
  const { fleet, nodes } = await fleetOf(t, 2);
  const [n0, n1] = nodes as [OsNode, OsNode];
  for (const node of nodes) node.takes();
  const id = await start(fleet, { waves: [{ count: 1 }, { percent: 100 }], maxUnavailable: 1 });
  await until('the order', () => n0.jobs === 'security');
  n0.tell({ state: 'failed' }, { ...(n0.orders[0] as UpdateOs), rollout: 'another' });
  n1.tell({ state: 'failed' }, n0.orders[0]);
  n0.tell({ state: 'restarted' }, { ...(n0.orders[0] as UpdateOs), job: 'restart' });
  t.match((await shown(fleet, id)).state, 'running', 'what was not ordered of it is not heard');
  n0.tell({ state: 'failed' }, n0.orders[0], 'broken could not be set up');
  const stopped = await until('the stop', async () => {
    const view = await shown(fleet, id);
    return view.state === 'stopped' ? view : null;
  });
  t.match(stopped.reason, /the gate update is red: 1 of 1 did not get it; n0: failed: broken could not be set up/);
  t.equal(n1.jobs, '');
  await fleet.call('POST', `/v1/rollouts/${id}/resume`);
  await until('the order once more', () => n0.jobs === 'security security');
  await fleet.call('POST', `/v1/rollouts/${id}/abort`);
  const over = await shown(fleet, id);
  t.match(over, {
    state: 'aborted',
    subjects: [{ name: 'n0', state: 'left', step: /was under way when/ }, { name: 'n1' }],
  });
  n0.tell({ state: 'updated', restart: true });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  t.equal(n0.jobs, 'security security', 'nobody is restarted after the end');
});

t.test('when a machine may be told to restart', async (t) => {
  const view = emptyView('c', 0);
  for (const id of ['n0', 'n1']) view.nodes.set(id, nodeRow(id, { site: 'home', presence: 'online' }));
  const what = { kind: 'os', packages: 'security', restart: 'if-needed' } as const;
  const windows = [{ from: '22:00', to: '06:00' }];
  const rollout = { ...rolloutRow('r1', { windows }), what };
  view.rollouts.set('r1', rollout);
  const at = (time: string) => Date.parse(`2026-11-29T${time}:00Z`);
  const waits = (time: string) => {
    const subject = rolloutSubject('r1', 'n1', { os: { needsRestart: true, isRestart: true } });
    const restarts = () => restartsOf(view, [], at(time));
    return osKind.waitsFor?.({ view, restarts, nowMs: at(time), timeZone: 'UTC' }, rollout, subject) ?? null;
  };
  t.match(waits('21:59'), { for: 'window', why: 'n1 waits for the window to restart: 22:00 to 06:00' });
  t.equal(waits('22:00'), null);
  t.equal(waits('05:57'), null);
  t.match(waits('05:59'), { for: 'window' }, 'its order would be good for longer than the window');

  const told = (over: object) => {
    const row = rolloutSubject('r1', 'n0', {
      os: { needsRestart: true, isRestart: true },
      orderedMs: at('22:00'),
      ...over,
    });
    view.rolloutSubjects.set('r1/n0', row);
    view.subjectsByRollout.set('r1', new Set(['r1/n0']));
  };
  told({});
  t.match(waits('22:03'), { for: 'nodes', why: 'n1 waits to restart until n0 of its site is up again' });
  t.equal(waits('22:05'), null, 'it is here, and its order is void');
  view.nodes.set('n0', nodeRow('n0', { site: 'home', presence: 'lost' }));
  t.match(waits('23:30'), { for: 'nodes' }, 'it went down, and is not up again');
  told({ report: { version: 'restart', state: 'restarting' } });
  t.match(waits('23:30'), { for: 'nodes' });
  told({ report: { version: 'restart', state: 'restarted' } });
  t.equal(waits('23:30'), null, 'it was up again, and went away later');
  told({ state: 'left', os: { needsRestart: true, isRestart: false } });
  t.equal(waits('22:03'), null, 'it was told nothing');
});
