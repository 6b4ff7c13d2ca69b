// What a flow tells a node of the fleet, over MQTT: on the topics that Home Assistant uses, on which nothing is answered. A cordon and a drain show
// in the retained state of the node; it is waited for.
import type { HomeNodeState } from '@blackroad/protocol';
import type { Action, Done } from './door.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import { readJson } from './read-json.ts';
import { Trouble } from './trouble.ts';

/** A retained state comes at once; what a node was told shows within a quarter of a second. */
const stateMs = 5_000;

const orders: Readonly<Record<Action, { order: 'cordon' | 'drain' | 'identify' | 'restart'; wanted: boolean }>> = {
  cordon: { order: 'cordon', wanted: true },
  uncordon: { order: 'cordon', wanted: false },
  drain: { order: 'drain', wanted: true },
  undrain: { order: 'drain', wanted: false },
  identify: { order: 'identify', wanted: true },
  restart: { order: 'restart', wanted: true },
};

export async function controlOverMqtt(
  connection: MqttConnection,
  node: string,
  action: Action,
  signal: AbortSignal,
): Promise<Done> {
  const { order, wanted } = orders[action];
  const device = `blackroad/v1/home/node-${node}`;
  const heard = await connection.listenOn(`${device}/state`, { signal });
  try {
    if ((await heard.first(stateMs)) === null)
      throw new Trouble('unknown-node', `there is no node ${node}, or this key may not read its state`);
    await connection.publish(`${device}/set/${order}`, JSON.stringify({ wanted }), {});
    if (order !== 'cordon' && order !== 'drain') {
      const text = `${node} was told to ${action}; over MQTT it does not answer`;
      return { node, action, text, cordoned: null, draining: null };
    }
    const isSo = order === 'cordon' ? isCordoned : isDraining;
    const shown = await heard.until((text) => {
      const state = readJson<HomeNodeState>(text);
      return state !== null && isSo(state, wanted);
    }, stateMs);
    const state = shown === null ? null : readJson<HomeNodeState>(shown);
    if (state === null) {
      const text = `${node} does not show it within ${stateMs / 1000} s; the log of the coordinator says why`;
      throw new Trouble('refused', text);
    }
    const draining = state.state === 'draining';
    return { node, action, text: `${node} shows it: ${state.state}`, cordoned: state.cordoned, draining };
  } finally {
    heard.end();
  }
}

const isCordoned = ({ cordoned }: HomeNodeState, wanted: boolean) => cordoned === wanted;
/** Of a node that is away the state says that alone. */
const isDraining = ({ state }: HomeNodeState, wanted: boolean) =>
  (state === 'draining') === wanted || (state !== 'online' && state !== 'draining');
