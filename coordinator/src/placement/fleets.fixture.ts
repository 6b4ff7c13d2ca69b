// Made-up fleets for property tests: small, cramped and odd on purpose. Never imported by the coordinator itself.
import fc from 'fast-check';
import { demandOf, GiB, modelOf, nodeOf, stayingOf } from './fixture.ts';
import type { PlacementSnapshot, Strategy } from './supply.ts';

const names = ['m', 'n', 'o'];
type Kinds = 'ollama' | 'llama' | 'openai';
const arbitraryModel = (name: string) =>
  fc
    .record({
      runtime: fc.constantFrom<Kinds>('ollama', 'llama', 'openai'),
      size: fc.constantFrom(0, 0.3, 1, 3),
      parametersB: fc.constantFrom(0, 0.5, 3, 8),
      slots: fc.integer({ min: 0, max: 4 }),
      resident: fc.boolean(),
      held: fc.constantFrom(0, 1, 1.2),
      peak: fc.constantFrom(0, 0, 1.4),
      kv: fc.constantFrom(undefined, 64 * 1024),
      tps: fc.constantFrom(0, 1, 20),
      alias: fc.boolean(),
    })
    .map(({ size, held, peak, kv, tps, alias, ...rest }) =>
      modelOf(name, {
        ...rest,
        sizeBytes: Math.round(size * GiB),
        residentBytes: rest.resident ? Math.round(size * held * GiB) : 0,
        ...(peak > 0 ? { peakBytes: Math.round(size * peak * GiB) } : {}),
        ...(kv === undefined ? {} : { kvBytesPerToken: kv }),
        speed: { prefillTps: 0, decodeTps: tps, samples: 1 },
        aliases: alias ? [`alias-${name}`] : [],
      }),
    );
const closedFilters = ['cordoned', 'draining', 'away', 'quarantined', 'unheard', 'capacity', 'disk'];
const arbitraryGroup = fc.option(
  fc.record({ group: fc.constantFrom('g', 'h'), over: fc.constantFrom<'node' | 'site'>('node', 'site') }),
  { freq: 3 },
);
const arbitraryNode = fc.record({
  class: fc.constantFrom('pi', 'gpu', 'cloud'),
  site: fc.constantFrom('home', 'attic'),
  room: fc.constantFrom('kitchen', 'bath'),
  closed: fc.option(fc.constantFrom(...closedFilters), { freq: 4, nil: null }),
  total: fc.constantFrom(0, 4, 8),
  free: fc.constantFrom(0.1, 0.5, 0.9),
  disk: fc.constantFrom(0, 2, 20),
  pulls: fc.subarray<Kinds>(['ollama', 'llama']),
  models: fc.tuple(...names.map((name) => fc.option(arbitraryModel(name), { freq: 2 }))),
  health: fc.constantFrom(0.5, 1),
  price: fc.constantFrom(0, 0, 3),
  waiting: fc.constantFrom(0, 0, 2),
  staying: fc.array(
    fc.record({
      model: fc.constantFrom(...names),
      avoids: fc.boolean(),
      mayYield: fc.boolean(),
      priority: fc.constantFrom(5, 20, 60),
      dedicated: fc.constantFrom(false, false, false, true),
      spread: arbitraryGroup,
      tpm: fc.constantFrom(1, 30),
    }),
    { maxLength: 4 },
  ),
});
const arbitraryDemand = fc.record({
  model: fc.uniqueArray(fc.constantFrom(...names, 'alias-m', 'auto'), { minLength: 1, maxLength: 3 }),
  class: fc.subarray(['pi', 'gpu', 'cloud']),
  site: fc.oneof(fc.constant<string[]>([]), fc.subarray(['home', 'attic'])),
  labels: fc.constantFrom<Record<string, string>>({}, {}, {}, { room: 'kitchen' }),
  nodes: fc.constantFrom<string[]>([], [], [], ['node-0'], ['node-1', 'node-9']),
  priority: fc.constantFrom(10, 50),
  contextTokens: fc.constantFrom(512, 4096, 16384),
  concurrency: fc.integer({ min: 1, max: 3 }),
  tpm: fc.constantFrom(0, 1, 40),
  dedicated: fc.constantFrom(false, false, false, true),
  spread: arbitraryGroup,
  cap: fc.constantFrom(undefined, undefined, 0, 5),
});

/** Who may yield is the caller's choice: without anybody the plan is the exhaustive one. */
export function arbitrarySnapshot({ mayYield }: { mayYield: boolean }): fc.Arbitrary<PlacementSnapshot> {
  return fc
    .record({
      nodes: fc.array(arbitraryNode, { maxLength: 8 }),
      strategy: fc.constantFrom<Strategy>('spread', 'pack'),
      // Few kinds and many agents of each: agents that ask the same fill a node one after the other.
      demands: fc
        .array(
          fc.record({
            kind: arbitraryDemand,
            agents: fc.array(
              fc.record({
                avoid: fc.option(fc.nat(12), { freq: 3 }),
                near: fc.option(fc.constantFrom('agent-0', 'agent-2', 'old-0-0', 'old-1-0'), { freq: 3 }),
                last: fc.option(fc.constantFrom('node-0', 'node-2')),
                high: fc.constantFrom(false, false, true),
                large: fc.constantFrom(false, false, true),
              }),
              { maxLength: 9 },
            ),
          }),
          { maxLength: 4 },
        )
        .map((kinds) => kinds.flatMap(({ kind, agents }) => agents.map((agent) => ({ ...kind, ...agent })))),
    })
    .map(
      ({ nodes, demands, strategy }): PlacementSnapshot => ({
        strategy,
        nodes: nodes.map(({ room, closed, total, free, disk, models, price, waiting, staying, ...rest }, i) => {
          const held = models.filter((model) => model !== null);
          return nodeOf(`node-${i}`, {
            ...rest,
            labels: { room },
            closed: closed === null ? null : { filter: closed, text: `it is ${closed}` },
            memoryTotalBytes: total * GiB,
            memoryFreeBytes: Math.round(total * free * GiB),
            diskFreeBytes: disk * GiB,
            models: held,
            defaultChat: held[0]?.name ?? null,
            pricePerMillionTokens: price,
            waiting: new Map(waiting > 0 ? [['m', waiting]] : []),
            agents: staying.map(({ model, avoids, priority, dedicated, spread, tpm, ...each }, j) =>
              stayingOf(
                `old-${i}-${j}`,
                model,
                {
                  priority,
                  load: { tokensPerMinute: tpm },
                  placement: {
                    avoidAgents: avoids ? ['agent-3'] : [],
                    pool: dedicated ? 'dedicated' : 'shared',
                    ...(spread ? { spread } : {}),
                  },
                },
                mayYield && each.mayYield,
              ),
            ),
          });
        }),
        demands: demands.map((given, i) => {
          const { model, priority, high, contextTokens, large, concurrency, tpm, avoid, near, last } = given;
          const { dedicated, spread, cap, class: classes, site, labels, nodes: named } = given;
          return demandOf(
            `agent-${i}`,
            {
              model,
              concurrency,
              priority: high ? priority + 30 : priority,
              limits: { contextTokens: large ? contextTokens * 2 : contextTokens },
              load: { tokensPerMinute: tpm },
              placement: {
                class: classes,
                site,
                labels,
                nodes: named,
                avoidAgents: avoid === null ? [] : [`agent-${avoid}`, 'old-0-0'],
                nearAgents: near === null ? [] : [near],
                pool: dedicated ? 'dedicated' : 'shared',
                ...(spread ? { spread } : {}),
                ...(cap === undefined ? {} : { maxPricePerMillionTokens: cap }),
              },
            },
            last,
          );
        }),
      }),
    );
}
