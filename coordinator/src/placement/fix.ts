// The smallest change that would place an agent: of every node, all that speaks against it; the cheapest sum wins.
// A step's cost ranks what people mind: waiting and one command first, the agent's own rules and money last.
import type { AgentSpec } from '@blackroad/protocol';
import { canFetch, diskKeptFreeBytes, makesEmbeddings, pullBytes } from './catalogue.ts';
import { allFilters } from './feasible.ts';
import { extraBytes, findOffer, hasMemory, type Room, type Use } from './room.ts';
import type { SupplyNode } from './supply.ts';
import { bytesInWords, listInWords, numberInWords } from './words.ts';

interface Step {
  cost: number;
  /** What to do, as a clause that starts with a verb or a command. */
  text: (spec: AgentSpec, use: Use, room: Room) => string;
}
const steps: Record<string, Step> = {
  unheard: { cost: 0.5, text: (_, __, { node }) => `wait until ${node.id} has reported after the coordinator's start` },
  capacity: { cost: 0.5, text: (_, __, { node }) => `wait until ${node.id} has reported its capacity` },
  cordoned: { cost: 1, text: (_, __, { node }) => `fleet uncordon ${node.id}` },
  // A person empties it on purpose, and its own agents ask too: to give that up is worse advice than to fetch a model.
  draining: { cost: 3.5, text: (_, __, { node }) => `fleet uncordon ${node.id} (ends its drain)` },
  model: { cost: 2, text: (spec, _, room) => modelFix(spec, room) },
  failing: { cost: 3, text: (_, __, { node }) => `see to what fails on ${node.id}, or wait until it is tried again` },
  pool: { cost: 5, text: poolFix },
  throughput: { cost: 5, text: throughputFix },
  away: { cost: 3, text: (spec, _, { node }) => `bring ${node.id} back, or ${joinMachine(spec)}` },
  quarantined: { cost: 4, text: (_, __, { node }) => `release ${node.id} when it is one machine again` },
  memory: { cost: 5, text: memoryFix },
  agents: { cost: 5, text: () => 'add a node: the one with room has as many agents as a node takes' },
  disk: { cost: 5, text: (_, __, { node }) => `make the disk of ${node.id} writable again` },
  gpu: { cost: 5, text: (_, __, { node }) => `see to the GPU of ${node.id}; starting the machine anew often helps` },
  class: { cost: 6, text: (_, __, { node }) => `allow class ${node.class}: add ${node.class} to placement.class` },
  site: {
    cost: 6,
    text: (_, __, { node }) =>
      `allow site ${node.site || 'of its own'}: add ${node.site || 'its site'} to placement.site`,
  },
  price: {
    cost: 20,
    text: (_, __, { node }) =>
      `raise placement.maxPricePerMillionTokens to ${numberInWords(node.pricePerMillionTokens)} for ${node.id}`,
  },
  simulated: {
    // Only where nothing real would do: an agent on a simulated node remembers what was made up.
    cost: 50,
    text: (_, __, { node }) =>
      `set placement.simulated: true, or label ${node.id} simulated=mix, to let it run on simulated nodes (their answers are made up)`,
  },
  labels: {
    cost: 6,
    text: ({ placement }, _, { node }) =>
      `label ${node.id} ${labelsIn(placement.labels)}, or take them out of placement.labels`,
  },
};
/** Money is never spent on the fleet's own advice while any other change would do. */
const cloudCost = 30;

/** Fed with every node that could be meant; keeps the one that needs the least. */
export class CheapestFix {
  readonly #spec: AgentSpec;
  readonly #use: Use;
  #best: { room: Room; filters: string[]; cost: number } | null = null;

  constructor(spec: AgentSpec, use: Use) {
    this.#spec = spec;
    this.#use = use;
  }
  /** `first`: the first filter that refuses it; alone too dear, it needs no second look. */
  consider(room: Room, first: string): void {
    if (!this.#isLess(costOf(first, room), room)) return;
    const candidate = { spec: this.#spec, use: this.#use, room, conflicts: noConflicts };
    const filters = allFilters(candidate);
    const cost = filters.reduce((sum, filter) => sum + costOf(filter, room), 0);
    if (this.#isLess(cost, room)) this.#best = { room, filters, cost };
  }
  /** Of two that need as little, the one with more memory: nobody should be told to fetch a large model onto a Pi. */
  #isLess(cost: number, { node }: Room): boolean {
    if (!this.#best || cost < this.#best.cost) return true;
    return cost === this.#best.cost && node.memoryTotalBytes > this.#best.room.node.memoryTotalBytes;
  }
  inWords(): string {
    if (!this.#best) {
      const named = listInWords(this.#spec.placement.nodes, 'or');
      return `name nodes that exist in placement.nodes, or join a machine as ${named} (fleet nodes lists what there is)`;
    }
    const { room, filters } = this.#best;
    return filters
      .map((filter) => steps[filter]?.text(this.#spec, this.#use, room) ?? `look at ${room.node.id}`)
      .join('; then ');
  }
}
const noConflicts: ReadonlyMap<string, string> = new Map();

export function joinMachine({ placement }: AgentSpec): string {
  const [wanted] = placement.class;
  const kind = wanted === undefined ? '' : ` of class ${wanted}`;
  return `start one with bin/fleet-node join <token> on a machine${kind} (fleet join-token create prints the token)`;
}

function costOf(filter: string, { node }: Room): number {
  if (filter === 'class' && node.class === 'cloud') return cloudCost;
  return steps[filter]?.cost ?? 10;
}
function modelFix({ model }: AgentSpec, room: Room): string {
  const { node } = room;
  for (const wanted of model) {
    const offer = findOffer(room, wanted);
    if (!offer?.isPull) continue;
    const short = pullBytes(offer.model) + diskKeptFreeBytes - room.diskFreeBytes;
    return `free ${bytesInWords(Math.max(0, short))} of disk on ${node.id} so that it can fetch ${offer.model.name}`;
  }
  const names = model.filter((name) => name !== 'auto');
  const named = names.find((name) => canFetch(node, name)) ?? names[0];
  const get = getModel(node, named);
  return named !== undefined && node.defaultChat !== null ? `${get} or set model: [auto]` : get;
}
/** How the node comes to the model: what its runtimes can do decides it. */
function getModel(node: SupplyNode, named: string | undefined): string {
  const { id, models, pulls, fetchable } = node;
  const wanted = named ?? 'a chat model';
  if (named !== undefined && makesEmbeddings(node, named))
    return `name a chat model in place of ${named}, which makes embeddings`;
  if (models.length > 0 && models.every(({ runtime }) => runtime === 'openai' || runtime === 'cloud'))
    return `serve ${wanted} at the runtime of ${id}`;
  if (models.length === 0 && pulls.length === 0) return `start the model server of ${id} with ${wanted}`;
  if (named === undefined) return `give ${id} a chat model (fleet nodes pull ${id} ${fetchable?.[0] ?? '<model>'})`;
  if (pulls.length === 0 || canFetch(node, named)) return `pull it (fleet nodes pull ${id} ${named})`;
  return `put a GGUF file of ${named} into the models folder of ${id}, which cannot fetch it`;
}
function memoryFix(spec: AgentSpec, use: Use, room: Room): string {
  const id = room.node.id;
  const offers = spec.model.flatMap((wanted) => findOffer(room, wanted) ?? []);
  const smallest = { ...use, contextTokens: 256, concurrency: 1 };
  if (offers.some((offer) => hasMemory(room, offer, smallest)))
    return use.concurrency > 1
      ? `lower limits.contextTokens (${use.contextTokens}) or concurrency (${use.concurrency}) so that it fits ${id}`
      : `lower limits.contextTokens (${use.contextTokens}) so that it fits ${id}`;
  const names = listInWords(
    offers.map(({ model }) => model.name),
    'or',
  );
  const least = Math.min(...offers.map((offer) => extraBytes(offer, smallest)));
  return least > room.node.memoryTotalBytes
    ? `name a smaller model than ${names}: ${id} has ${bytesInWords(room.node.memoryTotalBytes)} for models`
    : `free memory on ${id} (fewer agents or other programs there) or name a smaller model than ${names}`;
}
function throughputFix(_: AgentSpec, use: Use, { node }: Room): string {
  return `lower load.tokensPerMinute (${numberInWords(use.tokensPerMinute)}), or add a node with a model it wants: ${node.id} is booked out`;
}
function poolFix(_: AgentSpec, use: Use, { node }: Room): string {
  return use.isDedicated
    ? `set placement.pool: shared, or keep a node free for it: ${node.id} has agents with other models`
    : `add a node for it: ${node.id} is dedicated to another model (placement.pool of the agents there)`;
}
function labelsIn(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`)
    .join(' ');
}
