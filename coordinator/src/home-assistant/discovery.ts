// Discovery messages: one device, with a component for each row of the table that fits it. In: a device. Out: the message, checked by the
// schema part by part, as Home Assistant refuses a whole device for one component that it does not take; and the components that were left
// out, with the reason. Pure.
import { type Checker, explain, filterOf, topicOf, topicRoot } from '@blackroad/protocol';
import { type Component, componentsOf, type DeviceKind, type Trait } from './components.ts';
import { componentSchema, DeviceSchema } from './discovery-schema.ts';

export interface Device {
  kind: DeviceKind;
  /** In topics and ids: `node-alice`, `agent-<id>`, `fleet`. */
  device: string;
  name: string;
  model: string;
  /** Of the software; empty: not known. */
  version: string;
  /** The node whose `state` says whether the device is there. */
  node?: string;
  /** The present name of the agent, by which it is asked. */
  agent?: string;
  traits: ReadonlySet<Trait>;
}
export interface Origin {
  name: string;
  version: string;
}
interface LeftOut {
  component: string;
  why: string;
}
interface Discovery {
  /** Null: the device itself is not in order, and nothing is sent. */
  payload: string | null;
  leftOut: LeftOut[];
}

type Json = Readonly<Record<string, unknown>>;
const online = (topic: string) => ({
  topic,
  value_template: '{{ value_json.state }}',
  payload_available: 'online',
  payload_not_available: 'offline',
});
/** With the coordinator away, what it last said is no longer true, and nobody acts on an order. */
const coordinatorIsThere = online(`${topicRoot}/fleet/state`);

export function discoveryOf(device: Device, origin: Origin, check: Checker): Discovery {
  const components: Record<string, Json> = {};
  const leftOut: LeftOut[] = [];
  for (const [key, row] of Object.entries(componentsOf(device.kind))) {
    if (row.needs !== undefined && !device.traits.has(row.needs)) continue;
    const component = componentOf(device, key, row);
    const schema = componentSchema(row);
    if (check(schema, component)) components[key] = component;
    else leftOut.push({ component: key, why: explain(schema, component) });
  }
  const head = headOf(device, origin);
  if (!check(DeviceSchema, head)) {
    leftOut.push({ component: 'device', why: explain(DeviceSchema, head) });
    return { payload: null, leftOut };
  }
  if (Object.keys(components).length === 0) return { payload: null, leftOut };
  return { payload: JSON.stringify({ ...head, components }), leftOut };
}

function headOf({ device, kind, name, model, version, node }: Device, origin: Origin): Json {
  return {
    device: {
      identifiers: [`blackroad-${device}`],
      name,
      manufacturer: 'BlackRoad Fleet',
      model,
      ...(version === '' ? {} : { sw_version: version }),
    },
    origin: { name: origin.name, sw_version: origin.version },
    state_topic: topicOf('homeState', { device }),
    availability: [
      coordinatorIsThere,
      ...(kind === 'node' && node !== undefined ? [online(topicOf('nodeState', { node }))] : []),
    ],
    availability_mode: 'all',
  };
}

function componentOf({ device, agent }: Device, key: string, row: Component): Json {
  const { platform, name, shown, value, attributes, order, asks, ended, whileAway } = row;
  return {
    platform,
    // A device has no `_`, so that two entities never have one id.
    unique_id: `blackroad_${device}_${key}`,
    name,
    ...shown,
    ...(value === undefined ? {} : { value_template: value }),
    ...(attributes === undefined
      ? {}
      : { json_attributes_topic: topicOf('homeState', { device }), json_attributes_template: attributes }),
    ...(order === undefined ? {} : { command_topic: topicOf('homeSet', { device, order }) }),
    ...(asks ? asking(agent ?? '') : {}),
    ...(ended ? { state_topic: topicOf('homeEnded', { device }) } : {}),
    ...(whileAway ? { availability: [coordinatorIsThere] } : {}),
  };
}
/** The topic of people's questions, which others use too. */
const asking = (agent: string) => ({
  command_topic: filterOf('agent/{agent}/ask', { agent }),
  command_template: "{{ {'prompt': value} | to_json }}",
});
