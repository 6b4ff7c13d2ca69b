// Machines and agents for placement's tests and bench: plain data with sensible defaults, and the home fleet of the examples.
// Never imported by the coordinator itself.
import type { AgentSpec, NodeModel } from '@blackroad/protocol';
import type { Demand, PlacementSnapshot, Staying, Strategy, SupplyNode } from './supply.ts';

export const GiB = 1024 ** 3;

export function modelOf(name: string, given: Partial<NodeModel> = {}): NodeModel {
  return {
    name,
    aliases: [],
    runtime: 'ollama',
    kind: 'chat',
    sizeBytes: GiB,
    contextTokens: 8192,
    resident: false,
    residentBytes: 0,
    parametersB: 1,
    slots: 1,
    tools: false,
    speed: { prefillTps: 50, decodeTps: 10, samples: 3 },
    ...given,
  };
}

export function nodeOf(id: string, given: Partial<SupplyNode> = {}): SupplyNode {
  const models = given.models ?? [modelOf('small')];
  return {
    id,
    class: 'pi',
    site: 'home',
    labels: {},
    simulated: false,
    closed: null,
    memoryTotalBytes: 5 * GiB,
    memoryFreeBytes: 4 * GiB,
    diskFreeBytes: 20 * GiB,
    models,
    defaultChat: models[0]?.name ?? null,
    pulls: [],
    fetchable: null,
    waiting: new Map(),
    health: 1,
    healthText: '',
    failing: new Map(),
    agents: [],
    pricePerMillionTokens: 0,
    ...given,
  };
}

type SpecGiven = Partial<Omit<AgentSpec, 'placement' | 'limits' | 'onLoss'>> & {
  placement?: Partial<AgentSpec['placement']>;
  limits?: Partial<AgentSpec['limits']>;
  onLoss?: Partial<AgentSpec['onLoss']>;
};
export function specOf(name: string, given: SpecGiven = {}): AgentSpec {
  return {
    model: ['auto'],
    instructions: 'Help.',
    concurrency: 1,
    queue: 100,
    priority: 50,
    memory: { recall: 5, remember: 'turns' },
    tools: [],
    triggers: [],
    temperature: 0,
    ...given,
    name,
    placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: [], ...given.placement },
    limits: { maxTokens: 512, contextTokens: 2048, toolRounds: 6, deadlineSeconds: 600, attempts: 3, ...given.limits },
    onLoss: { policy: 'replace', afterSeconds: 0, ...given.onLoss },
  };
}
export function demandOf(name: string, given: SpecGiven = {}, last: string | null = null): Demand {
  return { spec: specOf(name, given), last };
}

export function stayingOf(name: string, model: string, given: SpecGiven = {}, mayYield = false): Staying {
  return { spec: specOf(name, given), model, mayYield };
}
export function snapshotWith(
  nodes: readonly SupplyNode[],
  demands: readonly Demand[],
  strategy: Strategy = 'spread',
): PlacementSnapshot {
  return { nodes, demands, strategy };
}

/** Five Pis with a small model, a box with a consumer GPU and two larger ones, and a paid API. */
export function homeFleet(): SupplyNode[] {
  const small = () =>
    modelOf('llama3.2:1b', {
      aliases: ['small'],
      sizeBytes: 1.3 * GiB,
      speed: { prefillTps: 90, decodeTps: 12, samples: 8 },
    });
  const pis = ['alice', 'aria', 'codex', 'lucidia', 'octavia'].map((id) =>
    nodeOf(id, { models: [small()], memoryTotalBytes: 4.8 * GiB, memoryFreeBytes: 4 * GiB }),
  );
  const box = nodeOf('anvil', {
    class: 'edge-gpu',
    memoryTotalBytes: 20 * GiB,
    memoryFreeBytes: 18 * GiB,
    models: [
      modelOf('llama3.1:8b', {
        sizeBytes: 4.9 * GiB,
        parametersB: 8,
        slots: 4,
        speed: { prefillTps: 4000, decodeTps: 120, samples: 20 },
      }),
      modelOf('qwen2.5:14b', {
        sizeBytes: 9 * GiB,
        parametersB: 14,
        slots: 2,
        speed: { prefillTps: 2000, decodeTps: 60, samples: 0 },
      }),
    ],
  });
  const cloud = nodeOf('paid', {
    class: 'cloud',
    site: 'cloud',
    memoryTotalBytes: 0,
    memoryFreeBytes: 0,
    pricePerMillionTokens: 3,
    models: [
      modelOf('claude', {
        runtime: 'cloud',
        sizeBytes: 0,
        parametersB: 0,
        slots: 32,
        resident: true,
        speed: { prefillTps: 0, decodeTps: 90, samples: 5 },
      }),
    ],
  });
  return [...pis, box, cloud];
}
