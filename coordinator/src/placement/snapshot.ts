// From the view to what placement looks at: who could take work, what they hold, and who needs a node.
import type { AgentSpec, NodeHealth, NodeModel } from '@blackroad/protocol';
import type { Policy } from '../input.ts';
import type { View } from '../view.ts';
import { type ClosedReason, closedReasons } from './feasible.ts';
import { type Need, needOf } from './need.ts';
import type { Demand, PlacementSnapshot, Staying, SupplyNode } from './supply.ts';

type Node = NonNullable<ReturnType<View['nodes']['get']>>;
type Live = NonNullable<ReturnType<View['live']['get']>>;

export interface Snapped {
  /** Without demands it holds no nodes: nothing would be asked of them. */
  snapshot: PlacementSnapshot;
  /** Why each demand is one, by the agent's name. */
  needs: ReadonlyMap<string, Need>;
  /** Placed agents that stay where they are. */
  stay: string[];
}

export function snapshotOf(view: View, nowMs: number, policy: Policy): Snapped {
  const needs = new Map<string, Need>();
  const demands: Demand[] = [];
  const stay: string[] = [];
  for (const agent of view.agents.values()) {
    const need = needOf(view, agent, nowMs, policy);
    if (!need) {
      stay.push(agent.name);
      continue;
    }
    needs.set(agent.name, need);
    demands.push({ spec: agent.spec as AgentSpec, last: agent.placement?.node ?? agent.why?.node ?? null });
  }
  if (demands.length === 0) return { snapshot: { nodes: [], demands, strategy: 'spread' }, needs, stay };
  const nodes = [...view.nodes.values()].map((node) => supplyOf(view, node, needs));
  return { snapshot: { nodes, demands, strategy: 'spread' }, needs, stay };
}

function supplyOf(view: View, node: Node, needs: ReadonlyMap<string, Need>): SupplyNode {
  const live = view.live.get(node.id) ?? silent;
  const { capacity } = live;
  const agents: Staying[] = [];
  for (const name of view.agentsByNode.get(node.id) ?? []) {
    const agent = view.agents.get(name);
    // One that may stay holds its room until it is told to go.
    if (!agent?.placement || needs.get(name)?.mayStay === false) continue;
    agents.push({ spec: agent.spec as AgentSpec, model: agent.placement.model, mayYield: false });
  }
  const { health, text } = healthOf(live.health as NodeHealth | null);
  return {
    id: node.id,
    class: node.class,
    site: node.site,
    labels: node.labels,
    closed: closedOf(node, live),
    memoryTotalBytes: capacity?.memoryTotalBytes ?? 0,
    memoryFreeBytes: capacity?.memoryFreeBytes ?? 0,
    diskFreeBytes: capacity?.diskFreeBytes ?? 0,
    models: (capacity?.models ?? []) as readonly NodeModel[],
    defaultChat: capacity?.defaultChat ?? null,
    pulls: capacity?.pulls ?? [],
    waiting: new Map(),
    health,
    healthText: text,
    agents,
    pricePerMillionTokens: capacity?.pricePerMillionTokens ?? 0,
  };
}
const silent: Live = { lastSeenMs: null, capacity: null, health: null, helloBoot: null };

/** Why nothing new may go there. Away comes before cordoned: what a person did matters once the machine is back. */
export function closedOf(node: Node, live: Live): { filter: ClosedReason; text: string } | null {
  const because = (filter: ClosedReason, text: string = closedReasons[filter]) => ({ filter, text });
  if (node.status === 'quarantined') return because('quarantined', node.quarantineReason || undefined);
  if (node.presence !== 'online')
    return because('away', node.presence === 'never' ? 'it has never been online' : `it is ${node.presence}`);
  if (live.helloBoot === null) return because('unheard');
  if (node.cordoned) return because('cordoned');
  if (node.draining) return because('draining');
  if (!live.capacity) return because('capacity', 'has not reported its capacity yet');
  if (live.health?.readOnlyDisk) return because('disk');
  return null;
}

const GiB = 1024 ** 3;
// What makes a machine worth less, worst first; the factors multiply. Guesses that rank, not measurements: a throttled
// Pi decodes at about half speed, and the rest are signs that it soon will, or that it may not be there tomorrow.
const ailments: readonly { factor: number; text: (health: NodeHealth) => string | null }[] = [
  { factor: 0.5, text: ({ throttled }) => (throttled?.now ? 'throttled now' : null) },
  { factor: 0.5, text: ({ undervoltage }) => (undervoltage?.now ? 'power supply too weak' : null) },
  { factor: 0.5, text: ({ temperatureC: c }) => (c !== undefined && c >= 80 ? `hot (${Math.round(c)} °C)` : null) },
  { factor: 0.5, text: ({ diskFreeBytes }) => (diskFreeBytes < GiB ? 'disk nearly full' : null) },
  {
    factor: 0.6,
    text: ({ gpus }) => (gpus?.some(({ temperatureC }) => (temperatureC ?? 0) >= 88) ? 'its GPU is hot' : null),
  },
  {
    factor: 0.8,
    text: ({ temperatureC: c }) => (c !== undefined && c >= 70 && c < 80 ? `warm (${Math.round(c)} °C)` : null),
  },
  { factor: 0.8, text: ({ wifi }) => (wifi && wifi.signalDbm < -80 ? 'weak Wi-Fi' : null) },
  { factor: 0.9, text: ({ throttled }) => (throttled?.sinceBoot && !throttled.now ? 'throttled since boot' : null) },
  {
    factor: 0.9,
    text: ({ undervoltage }) => (undervoltage?.sinceBoot && !undervoltage.now ? 'undervoltage since boot' : null),
  },
  { factor: 0.9, text: ({ clockSynced }) => (clockSynced === false ? 'clock not synced' : null) },
];
/** 1 is healthy; a node whose heartbeat has not come yet gets the benefit of the doubt, but not the whole of it. */
export function healthOf(health: NodeHealth | null): { health: number; text: string } {
  if (!health) return { health: 0.9, text: 'no heartbeat yet' };
  let value = 1;
  const texts: string[] = [];
  for (const { factor, text } of ailments) {
    const words = text(health);
    if (words === null) continue;
    value *= factor;
    texts.push(words);
  }
  return { health: value, text: texts.join(', ') };
}
