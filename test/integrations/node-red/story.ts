// The story of a fleet in the real Node-RED: the package is there, its examples import and run, answers, refusals, streams, events, and what is
// left after the coordinator was killed. In: a stage, a Node-RED that is up, a Mosquitto of the house. Out: a line a claim, with its time.
import type { FleetEvent, TaskView } from '@blackroad/protocol';
import mqtt, { type MqttClient } from 'mqtt';
import { noProgram } from '../../fixtures/programs.ts';
import { until } from '../../fixtures/until.ts';
import type { Stage } from '../home-assistant/stage.ts';
import type { Prove } from '../proofs.ts';
import { type BenchAnswer, benchFlow, type FleetSettings } from './bench-flow.ts';
import { heardOverMqtt } from './events-over-mqtt.ts';
import { type FlowEntry, type NodeRedInstance, packageName } from './instance.ts';
import { nodeIsBack } from './node-is-back.ts';

export interface Cast {
  stage: Stage;
  red: NodeRedInstance;
  prove: Prove;
  /** Of the node and the agent that the story has. */
  node: string;
  http: FleetSettings;
  people: FleetSettings;
  /** A Mosquitto without users. */
  housePort: number | null;
  notRun(claim: string, why: string): void;
}
const types = ['fleet', 'fleet ask agent', 'fleet event', 'fleet node control'];
const long = `Repeat this slowly: ${'once more and '.repeat(60)}done`;
const settled = (text: string) => ({ payload: `Simulated answer to: ${text}` });

/** In their order. */
export const parts: Readonly<Record<string, (cast: Cast) => Promise<void>>> = {
  examples: theExamples,
  topics: fromTopicToAnswer,
  http: (cast) => asked(cast, 'HTTP', cast.http),
  events: heard,
  mqtt: (cast) => asked(cast, 'MQTT 5', cast.people),
  'mqtt-events': heardOverMqtt,
};

/** As the menu lists them. */
async function exampleNames({ red }: Pick<Cast, 'red'>): Promise<string[]> {
  const found = await red.call<(string | { fn: string })[]>('GET', `/library/examples/flows/${packageName}/`);
  return found.map((entry) => (typeof entry === 'string' ? entry : entry.fn));
}
/** As the editor imports it, with the settings that a person types. */
async function example({ red, http, housePort, node }: Cast, name: string, fleet = http): Promise<FlowEntry[]> {
  const path = `/library/examples/flows/${packageName}/${encodeURIComponent(name)}`;
  const flow = await red.call<FlowEntry[]>('GET', path);
  return flow.map((entry) => {
    const { address, key, ca = '' } = fleet;
    if (entry.type === 'fleet') return { ...entry, address, ca, credentials: { key } };
    if (entry.type === 'mqtt-broker') return { ...entry, broker: '127.0.0.1', port: String(housePort) };
    return entry.type === 'fleet node control' ? { ...entry, node } : entry;
  });
}

async function theExamples(cast: Cast): Promise<void> {
  const { red, prove, node, stage } = cast;
  await prove('its four nodes are listed, and none has a fault', 5_000, async () => {
    const sets = await red.call<{ module: string; types: string[]; err?: string; enabled: boolean }[]>('GET', '/nodes');
    const own = sets.filter(({ module }) => module === packageName);
    const found = own.flatMap((set) => set.types).sort();
    const fault = own.find(({ err, enabled }) => err || !enabled);
    return (found.join() === types.join() && !fault) || JSON.stringify(own);
  });
  await prove('its dialogs ask for the fleet first and for the name of the node last', 5_000, async () => {
    const html = await red.editorHtml();
    const wrong = types.slice(1).flatMap((type) => {
      const [, dialog = ''] = new RegExp(`data-template-name="${type}">([^]*?)</script>`).exec(html) ?? [];
      const fields = [...dialog.matchAll(/ id="node-input-(\w+)"/g)].map(([, field]) => field);
      return fields[0] === 'fleet' && fields.at(-1) === 'name' && fields.length > 3
        ? []
        : [`${type}: ${fields.join()}`];
    });
    return wrong.length === 0 || wrong.join('; ');
  });
  const names = await exampleNames(cast);
  await prove('its five examples are in the menu', 0, async () => names.length === 5 || `found ${names.join(', ')}`);
  for (const name of names) {
    await prove(`the example "${name}" imports and starts`, 5_000, async () => {
      const flow = await example(cast, name);
      await red.deploy(flow);
      const there = await red.flows();
      const isWhole = flow.every(({ id }) => there.some((entry) => entry.id === id));
      const lost = /missing types|Error: |TypeError/i.exec(red.log())?.[0];
      return (isWhole && lost === undefined) || `${lost ?? 'not all of it is there'}`;
    });
  }
  await red.deploy(await example(cast, 'Button drains a node'));
  await until(() => red.statusOf('a3f0dodrain') === 'connected');
  await red.press('a3f0drain');
  const view = () => stage.client.call('node', { params: { node } });
  await prove('its button drains the node', 2_000, async () => (await view()).draining);
  await red.press('a3f0undrain');
  await prove('and takes that back', 2_000, async () => !(await view()).draining);
  await red.deploy(await example(cast, 'Alert asks an agent'));
  await until(() => red.statusOf('a2f0ask') === 'connected');
  await red.press('a2f0play');
  await prove('an alert asks an agent', 15_000, async () => {
    const [text] = red.said('a2f0answer');
    return (
      String(text).startsWith('Simulated answer to: An alert of our machines says: alice has been away') || String(text)
    );
  });
  await red.deploy(await example(cast, 'Status page without a dashboard'));
  await until(() => red.isWell('a4f0event'));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await stage.apply({ name: 'guest' });
  await stage.client.call('agentRename', { params: { agent: 'guest' }, body: { name: 'visitor' } });
  await prove('the status page shows an event', 5_000, async () => {
    const text = await (await fetch(`${red.url}/fleet-status`)).text();
    return /^the fleet is heard\n[\s\S]*guest is called visitor from now on/.test(text) || text;
  });
}

async function fromTopicToAnswer(cast: Cast): Promise<void> {
  const { red, prove, stage, housePort, http, people } = cast;
  if (housePort === null)
    return cast.notRun(
      'a message on an MQTT topic becomes an answer',
      noProgram('mosquitto') || 'mosquitto did not start',
    );
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${housePort}`);
  const answers = heardOn(client);
  await client.subscribeAsync(['house/answer', 'house/error']);
  let count = 0;
  const becomes = async (after: string, allowedMs: number) => {
    const text = `Question ${++count}: is the kettle on?`;
    await client.publishAsync('house/ask', text, { qos: 1 });
    await prove(`a message on an MQTT topic becomes an agent's answer${after}`, allowedMs, async () => {
      const found = answers.filter(([, payload]) => payload.includes(`Question ${count}:`));
      const isIt = found.length === 1 && found[0]?.[0] === 'house/answer' && found[0][1] === settled(text).payload;
      return isIt || JSON.stringify(answers.slice(-3));
    });
  };
  for (const [way, fleet] of [
    ['over HTTP', http],
    ['over MQTT 5', people],
  ] as const) {
    await red.deploy(await example(cast, 'MQTT question to answer', fleet));
    // Also the node of Node-RED that hears the topic.
    await until(() => red.isWell('a1f0ask') && red.isWell('a1f0in'));
    await becomes(`, ${way}`, 5_000);
    await stage.coordinator().kill('SIGTERM');
    await stage.restartCoordinator();
    await nodeIsBack(cast);
    await becomes(` after the coordinator was stopped and started, ${way}`, 15_000);
    await stage.restartCoordinator();
    await nodeIsBack(cast);
    await becomes(` after it was killed with kill -9, ${way}`, 15_000);
    const restart = stage.restartCoordinator(2_000);
    await becomes(` that came while it was down, ${way}`, 40_000);
    await restart;
  }
  await client.endAsync();
}
function heardOn(client: MqttClient): [string, string][] {
  const heard: [string, string][] = [];
  client.on('message', (topic, payload) => heard.push([topic, payload.toString()]));
  return heard;
}

async function asked(cast: Cast, way: string, fleet: FleetSettings): Promise<void> {
  const { red, prove, stage, node } = cast;
  const isHttp = way === 'HTTP';
  const bench = benchFlow(fleet);
  const postTo = (path: string, body: object) => red.call<BenchAnswer>('POST', path, body);
  const over = `over ${way}: `;
  // The story before may have killed the coordinator.
  await nodeIsBack(cast);
  await red.deploy(bench);
  await prove(
    `${over}the nodes say that they are connected`,
    5_000,
    async () => ['ask', 'control', 'events'].every((id) => red.isWell(id)) || red.statusOf('ask'),
  );
  const from = red.debugged.length;
  await prove(`${over}a question is answered, and the message keeps the rest`, 10_000, async () => {
    const got = await postTo('/ask', { payload: 'Who is there?' });
    return (
      (got.output === 'answer' && got.payload === settled('Who is there?').payload && got.kept === 'yes') ||
      JSON.stringify(got)
    );
  });
  if (isHttp)
    await prove('the answer came in pieces before it was whole', 1_000, async () => {
      const pieces = red.said('pieces-said', from) as { payload: string; fleet: { text: string } }[];
      const whole = pieces.at(-1)?.fleet.text;
      return (pieces.length > 2 && whole === settled('Who is there?').payload) || JSON.stringify(pieces).slice(0, 300);
    });
  const refusal = async (
    claim: string,
    id: string,
    status: string,
    kind: string,
    send: () => Promise<BenchAnswer>,
    ms = 5_000,
  ) => {
    const before = red.said('caught-said').length;
    const got = await send();
    await prove(`${over}${claim}: status, error output and catch say it`, ms, async () => {
      const isOut = got.output === 'error' && got.error?.kind === kind && got.kept === 'yes';
      return (
        (isOut && red.statusOf(id) === status && red.said('caught-said').length > before) ||
        `${red.statusOf(id)}; ${JSON.stringify(got)}`
      );
    });
  };
  const hello = () => postTo('/ask', { payload: 'Hello?' });
  await refusal('an unknown agent', 'ask', 'no such agent: nobody', 'unknown-agent', () =>
    postTo('/ask', { payload: 'Hello?', agent: 'nobody' }),
  );
  await refusal(
    'an unknown node',
    'control',
    'no such node: nobody',
    'unknown-node',
    () => postTo('/control', { action: 'cordon', node: 'nobody' }),
    10_000,
  );
  await prove(`${over}a cordon cordons, and its result says so`, 5_000, async () => {
    const got = await postTo('/control', { action: 'cordon', node });
    const { cordoned } = await stage.client.call('node', { params: { node } });
    return (
      (got.output === 'answer' && (got.payload as { cordoned: boolean }).cordoned && cordoned) || JSON.stringify(got)
    );
  });
  await postTo('/control', { action: 'uncordon', node });

  // The flow is gone before it could answer the request.
  postTo('/ask', { payload: long }).catch(() => {});
  const task = await taskOf(cast, long);
  await red.deploy([]);
  if (isHttp)
    await prove('a flow that is stopped cancels what it asked', 2_000, async () => {
      const { state } = await stage.client.call('task', { params: { task: task.id } });
      return state === 'cancelled' || state;
    });
  else await stage.client.call('taskCancel', { params: { task: task.id } }).catch(() => {});

  await red.deploy(benchFlow({ ...fleet, key: `${fleet.key.slice(0, -4)}0000` }));
  await prove(
    `${over}a wrong key shows before any message`,
    5_000,
    async () => red.statusOf('ask') === 'wrong key' || red.statusOf('ask'),
  );
  await refusal('a wrong key', 'ask', 'wrong key', 'wrong-key', hello);
  const viewer = await stage.client.call('keyCreate', { body: { name: `viewer-${way}`, role: 'viewer' } });
  await red.deploy(benchFlow({ ...fleet, key: viewer.key }));
  await refusal('a key that may not ask', 'ask', 'no permission', 'no-permission', hello);
  await red.deploy(bench);
  await until(() => red.statusOf('ask') === 'connected');
  await stage.coordinator().kill('SIGKILL');
  await prove(
    `${over}a coordinator that is away shows by itself`,
    35_000,
    async () => red.statusOf('ask') === 'coordinator away' || red.statusOf('ask'),
  );
  await refusal('a coordinator that is away', 'ask', 'coordinator away', 'away', () =>
    postTo('/ask', { payload: 'Hello?', timeout: 1 }),
  );
  await stage.restartCoordinator();
  await prove(`${over}and that it is back`, 20_000, async () => red.isWell('events') || red.statusOf('events'));
}

async function taskOf({ stage }: Cast, prompt: string): Promise<TaskView> {
  const start = prompt.slice(0, 30);
  for (;;) {
    const tasks = await stage.client.call('tasks', { query: { limit: 20 } });
    const found = tasks.find((task) => task.prompt.startsWith(start) && task.state === 'running');
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function heard(cast: Cast): Promise<void> {
  const { red, prove, stage, http } = cast;
  await stage.apply({ name: 'lodger' });
  await nodeIsBack(cast);
  await red.deploy(benchFlow(http));
  await until(() => red.isWell('events'));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  // What was told before may come up to two seconds later.
  const last = (await stage.client.call('events', { query: { limit: 1 } }))[0]?.id ?? 0;
  const from = red.debugged.length;
  let name = 'lodger';
  const rename = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const next = name === 'lodger' ? 'caller' : 'lodger';
      await stage.client.call('agentRename', { params: { agent: name }, body: { name: next } });
      name = next;
    }
  };
  await rename(5);
  await stage.restartCoordinator();
  await rename(30);
  await red.deploy(benchFlow(http).map((entry) => (entry.id === 'events' ? { ...entry, name: 'again' } : entry)));
  await rename(5);
  await prove('events come once and in order, over a kill of the coordinator and a new deploy', 40_000, async () => {
    const all = (await stage.client.call('events', { query: { limit: 200 } })) as FleetEvent[];
    const wanted = all
      .map(({ id }) => id)
      .filter((id) => id > last)
      .reverse();
    const said = red.said('events-said', from).map((message) => (message as { payload: FleetEvent }).payload.id);
    const got = said.filter((id) => id > last);
    return (
      (got.length >= 40 && got.join() === wanted.join()) ||
      `${got.length} of ${wanted.length}: ${got.slice(0, 50).join()}`
    );
  });
}
