// The story of a fleet in the real Home Assistant: what appears, what follows, what its switches and buttons do, and what is left after every
// part has been killed. In: a stage and a Home Assistant that knows its broker. Out: a line a claim, with its time.
import type { NodeView } from '@blackroad/protocol';
import { type Component, componentsOf, type DeviceKind } from '../../../coordinator/src/home-assistant/components.ts';
import type { Process } from '../../fixtures/processes.ts';
import type { Prove } from '../proofs.ts';
import type { Entity, HomeAssistantInstance, State } from './instance.ts';
import type { Stage } from './stage.ts';

export interface Cast {
  stage: Stage;
  home: HomeAssistantInstance;
  prove: Prove;
}

/** Home Assistant tries a broker that it has lost every ten seconds; what is ours comes after that. */
const triesMs = 10_000;
const ownMs = 2_000;

/** Rows that every device of the kind has. */
export const keysOf = (kind: DeviceKind) =>
  Object.entries<Component>(componentsOf(kind)).flatMap(([key, { needs }]) => (needs === undefined ? [key] : []));
export const uniqueId = (device: string, key: string) => `blackroad_${device}_${key}`;

export async function story({ stage, home, prove }: Cast): Promise<void> {
  const nodes: { id: string; process: Process }[] = [];
  for (const name of ['one', 'two', 'three']) {
    const { process, ids } = await stage.nodes(name);
    nodes.push({ id: ids[0] as string, process });
  }
  const [first, second, third] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  await stage.apply({ name: 'greeter', homeAssistant: true });
  const { id: agent } = await until(
    'the agent is ready',
    async () => {
      const view = await stage.client.call('agent', { params: { agent: 'greeter' } });
      return view.state === 'ready' && view;
    },
    60_000,
  );
  const devices: [DeviceKind, string][] = [
    ['fleet', 'fleet'],
    ['agent', `agent-${agent}`],
    ...nodes.map(({ id }): [DeviceKind, string] => ['node', `node-${id}`]),
  ];
  const expected = devices.flatMap(([kind, device]) => keysOf(kind).map((key) => uniqueId(device, key)));
  const looked = looker(home, expected);

  await home.addMqtt(stage.broker);
  await prove('every entity of three nodes, the fleet and an agent is there', 5_000, looked);
  const of = await entitiesOf(home);
  const entity = (device: string, key: string) => of(uniqueId(device, key));
  const nodeEntity = (key: string) => entity(`node-${first.id}`, key);

  await commands({ stage, home, prove }, first.id, nodeEntity);
  await asking({ stage, home, prove }, `agent-${agent}`, entity);

  await second.process.kill('SIGKILL');
  const gone = entity(`node-${second.id}`, 'tasks_running');
  await prove('a node that was killed is unavailable at once', 1_000, () => isState(home, gone, 'unavailable'));
  await prove('its state is still told: suspect, or lost', 3_000, async () =>
    ['suspect', 'lost'].includes((await home.state(entity(`node-${second.id}`, 'state')))?.state ?? ''),
  );
  const back = await stage.nodes('two');
  second.process = back.process;
  await prove('it is back by itself', 5_000, async () => (await home.state(gone))?.state === '0');

  const renewed = async (what: string, restart: () => Promise<void>) => {
    await restart();
    await prove(`${what}: no entity is unavailable`, triesMs + ownMs, looked);
  };
  await renewed('Home Assistant was killed and started', async () => {
    await home.end('SIGKILL');
    await home.start();
  });
  await renewed('the coordinator was killed and started', () => stage.restartCoordinator());
  if (stage.restartBroker) {
    await renewed('the broker was killed and started, and kept nothing', stage.restartBroker);
    await renewed('the broker, then the coordinator', async () => {
      await stage.restartBroker?.();
      await stage.restartCoordinator();
    });
  }
  await renewed('the coordinator, then Home Assistant', async () => {
    await stage.restartCoordinator();
    await home.end('SIGTERM');
    await home.start();
  });
  await prove('no entity is there twice', 0, async () => {
    const all = await home.entities();
    return all.length === new Set(all.map((each) => each.unique_id)).size && !all.some(isSecond);
  });

  const answer = entity(`agent-${agent}`, 'answer');
  await stage.client.call('agentRename', { params: { agent: 'greeter' }, body: { name: 'porter' } });
  await prove('an agent that was renamed has its new name there', 2_000, async () =>
    (await home.devices()).some(({ name }) => name === 'porter'),
  );
  await prove('and its old entities, with their history', 2_000, looked);
  await home.act('text.set_value', { entity_id: entity(`agent-${agent}`, 'ask'), value: 'Under the new name?' });
  await prove('and is asked by its new name', 10_000, () =>
    isState(home, answer, 'Simulated answer to: Under the new name?'),
  );

  await third.process.kill('SIGKILL');
  await stage.client.call('nodeForget', { params: { node: third.id } });
  await prove('a node that was taken out is no device any more', 2_000, async () =>
    (await home.devices()).every(({ name }) => name !== third.id),
  );
  await prove(
    'the mqtt integration has warned of nothing but the broker that was killed',
    0,
    async () => warnings(home.log()).length === 0 || warnings(home.log()).join('\n'),
  );
}

async function commands({ stage, home, prove }: Cast, node: string, entity: (key: string) => string): Promise<void> {
  const view = (): Promise<NodeView> => stage.client.call('node', { params: { node } });
  const audited = async (action: string) =>
    (await stage.client.call('audit', { query: { limit: 20 } })).some((row) => row.action === action);
  await stage.client.call('nodeEdit', { params: { node }, body: { cordoned: true } });
  await prove('a cordon shows there', 1_000, () => isState(home, entity('cordon'), 'on'));
  await home.act('switch.turn_off', { entity_id: entity('cordon') });
  await prove('its switch takes the cordon back', 1_000, async () => !(await view()).cordoned);
  await prove('the switch follows', 1_000, () => isState(home, entity('cordon'), 'off'));
  await home.act('button.press', { entity_id: entity('identify') });
  await prove('its button identifies the node, as the audit says', 2_000, () => audited('node-identify'));
  await home.act('button.press', { entity_id: entity('drain') });
  await prove('its button drains the node', 1_000, async () => (await view()).draining);
  await prove('the state says draining', 1_000, () => isState(home, entity('state'), 'draining'));
  await stage.client.call('nodeEdit', { params: { node }, body: { draining: false } });
  await prove('and online again', 1_000, () => isState(home, entity('state'), 'online'));
}

async function asking(
  { home, prove }: Cast,
  device: string,
  entity: (device: string, key: string) => string,
): Promise<void> {
  const answer = entity(device, 'answer');
  const prompt = 'Who is at the "door"?';
  await home.act('text.set_value', { entity_id: entity(device, 'ask'), value: prompt });
  const expected = `Simulated answer to: ${prompt}`;
  await prove('its text entity asks the agent, the sensor has the answer', 10_000, () =>
    isState(home, answer, expected),
  );
  await prove(
    'the whole answer stands beside it',
    0,
    async () => (await home.state(answer))?.attributes.text === expected,
  );
  await prove('the event of the ended task was told', 1_000, async () => {
    const event = await home.state(entity(device, 'ended'));
    return event?.attributes.event_type === 'done';
  });
  const long = `Count: ${'and '.repeat(200)}one`;
  await home.act('notify.send_message', { entity_id: entity(device, 'notify'), message: long });
  await prove('notify asks a long question', 10_000, async () =>
    String((await home.state(answer))?.attributes.text ?? '').startsWith('Simulated answer to: Count'),
  );
}

/** Whether all of these entities are there, and none is unavailable; else what is missing. */
export function looker(home: HomeAssistantInstance, expected: readonly string[]): () => Promise<true | string> {
  return async () => {
    const [entities, states] = await Promise.all([home.entities(), home.states()]);
    const byEntity = new Map(states.map((state): [string, State] => [state.entity_id, state]));
    const byId = new Map(entities.map((entity): [string, Entity] => [entity.unique_id, entity]));
    const missing = expected.filter((id) => {
      const state = byEntity.get(byId.get(id)?.entity_id ?? '');
      return state === undefined || state.state === 'unavailable';
    });
    return (
      missing.length === 0 ||
      `${missing.length} of ${expected.length} are missing or unavailable: ${missing.slice(0, 5).join(', ')}`
    );
  };
}
async function entitiesOf(home: HomeAssistantInstance): Promise<(uniqueId: string) => string> {
  const byId = new Map((await home.entities()).map((entity): [string, string] => [entity.unique_id, entity.entity_id]));
  return (id) => {
    const found = byId.get(id);
    if (found === undefined) throw new Error(`Home Assistant has no entity ${id}`);
    return found;
  };
}
const isState = async (home: HomeAssistantInstance, entity: string, wanted: string): Promise<true | string> => {
  const state = (await home.state(entity))?.state;
  return state === wanted || `${entity} is ${state}`;
};
/** A second entity of one name gets a number. */
const isSecond = ({ entity_id }: Entity) => /_2$/.test(entity_id);
export const warnings = (log: string): string[] =>
  log
    .split('\n')
    .filter(
      (line) =>
        / (WARNING|ERROR) /.test(line) &&
        /mqtt|via_device/i.test(line) &&
        !/The connection was lost|not currently connected/.test(line) &&
        !/The connection was lost/.test(line),
    );

async function until<T>(what: string, probe: () => Promise<T | false>, deadlineMs: number): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const got = await probe().catch(() => false as const);
    if (got !== false) return got;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
