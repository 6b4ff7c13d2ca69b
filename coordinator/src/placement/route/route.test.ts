// Routing: who answers a request of the home fleet, in which order, and why not the others.
import fc from 'fast-check';
import t from 'tap';
import { modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import type { RouteAsk, RouteCandidate } from './candidate.ts';
import { route } from './route.ts';

const small = modelOf('llama3.2:1b', {
  parametersB: 1.2,
  resident: true,
  speed: { prefillTps: 90, decodeTps: 12, samples: 8 },
});
const onGpu = modelOf('llama3.2:1b', {
  parametersB: 1.2,
  slots: 4,
  resident: true,
  speed: { prefillTps: 9000, decodeTps: 300, samples: 8 },
});
const medium = modelOf('llama3.1:8b', {
  parametersB: 8,
  slots: 4,
  resident: true,
  tools: true,
  speed: { prefillTps: 4000, decodeTps: 120, samples: 9 },
});
const large = modelOf('llama3.3:70b', {
  parametersB: 70,
  slots: 4,
  resident: true,
  tools: true,
  speed: { prefillTps: 900, decodeTps: 30, samples: 9 },
});

function candidate(node: string, model = small, given: Partial<RouteCandidate> = {}): RouteCandidate {
  return {
    node,
    class: 'pi',
    isApart: false,
    closed: null,
    model,
    failing: null,
    busy: 0,
    waiting: 0,
    slots: model.slots,
    queue: 8,
    health: 1,
    pricePerMillionTokens: 0,
    slotsForLess: null,
    ...given,
  };
}
const pis = ['alice', 'aria', 'codex', 'lucidia', 'octavia'].map((id) => candidate(id));
const box = (given: Partial<RouteCandidate> = {}) => [
  candidate('anvil', onGpu, { class: 'gpu', slotsForLess: 2, ...given }),
  candidate('anvil', medium, { class: 'gpu', slotsForLess: 2, ...given }),
  candidate('anvil', large, { class: 'gpu', ...given }),
];
const ask = (want: RouteAsk['want'], given: Partial<RouteAsk> = {}): RouteAsk => ({
  want,
  kind: 'chat',
  promptTokens: 200,
  answerTokens: 200,
  tools: false,
  sees: false,
  sticky: null,
  unpaid: 'the key guest has no budget of money',
  ...given,
});
const chosen = (...given: Parameters<typeof route>) => {
  const { chosen: found } = route(...given);
  return found && `${found.candidate.node} ${found.candidate.model.name}`;
};

t.test('a tier is served by the least hardware that is fast enough', async (t) => {
  const all = [...box(), ...pis];
  t.equal(chosen(ask({ tier: 'small' }), all), 'alice llama3.2:1b');
  t.equal(chosen(ask({ tier: 'auto' }), all), 'alice llama3.2:1b');
  t.equal(chosen(ask({ tier: 'medium' }), all), 'anvil llama3.1:8b');
  t.equal(chosen(ask({ tier: 'large' }), all), 'anvil llama3.3:70b');
  t.match(route(ask({ tier: 'small' }), all).why, 'llama3.2:1b on alice: the least hardware that is fast enough');
});

t.test('auto takes more where the request needs it', async (t) => {
  const all = [...box(), ...pis];
  t.equal(chosen(ask({ tier: 'auto' }, { tools: true }), all), 'anvil llama3.1:8b');
  t.equal(
    chosen(ask({ tier: 'auto' }, { promptTokens: 6_000 }), all),
    'anvil llama3.2:1b',
    'a Pi would read for a minute',
  );
});

t.test('the GPU box takes small requests when the Pis are full or away, up to its share', async (t) => {
  const full = pis.map((pi) => ({ ...pi, busy: 1, waiting: 8 }));
  t.equal(chosen(ask({ tier: 'small' }), [...box(), ...full]), 'anvil llama3.2:1b');
  const away = pis.map((pi) => ({ ...pi, closed: { filter: 'away' as const, text: 'it is lost' } }));
  t.equal(chosen(ask({ tier: 'small' }), [...box(), ...away]), 'anvil llama3.2:1b');
  const { chosen: none, refused } = route(ask({ tier: 'small' }), [...box({ busy: 2 }), ...away]);
  t.equal(none, null, 'the other half is kept for the large model');
  t.same(
    [...new Set(refused.map(({ filter }) => filter))].sort(),
    ['away', 'reserved'].map((name) => (name === 'away' ? 'closed' : name)),
  );
  t.equal(chosen(ask({ tier: 'large' }), [...box({ busy: 2 }), ...away]), 'anvil llama3.3:70b');
  t.equal(
    chosen(ask({ model: 'llama3.2:1b' }), [...box({ busy: 2 }), ...away]),
    'anvil llama3.2:1b',
    'a name is a name',
  );
});

t.test('a model by its name is answered where it is done first', async (t) => {
  const busy = candidate('busy', small, { busy: 1, waiting: 2 });
  const cold = candidate('cold', { ...small, resident: false }, {});
  t.equal(chosen(ask({ model: 'llama3.2:1b' }), [busy, cold, candidate('free')]), 'free llama3.2:1b');
  t.equal(
    chosen(ask({ model: 'llama3.2:1b' }), [candidate('well'), candidate('ill', small, { health: 0.3 })]),
    'well llama3.2:1b',
  );
  const far = candidate('far', small, { busy: 1 });
  t.equal(chosen(ask({ model: 'llama3.2:1b' }), [far, cold]), 'far llama3.2:1b', 'to wait is shorter than to load');
});

t.test('what failed lately is asked last, but it is asked', async (t) => {
  const broken = candidate('broken', small, { failing: 'it broke' });
  const slow = candidate('slow', { ...small, resident: false });
  t.equal(chosen(ask({ model: 'llama3.2:1b' }), [broken, slow]), 'slow llama3.2:1b');
  t.equal(chosen(ask({ tier: 'small' }), [broken, ...box()]), 'anvil llama3.2:1b');
  t.equal(chosen(ask({ model: 'llama3.2:1b' }), [broken]), 'broken llama3.2:1b');
});

t.test('a conversation stays where it was read, unless that is busy', async (t) => {
  const sticky = { node: 'octavia', model: 'llama3.2:1b', tokens: 3_000 };
  const long = ask({ model: 'llama3.2:1b' }, { promptTokens: 3_100, sticky });
  t.equal(chosen(long, pis), 'octavia llama3.2:1b');
  t.match(route(long, pis).why, 'it has read this conversation');
  const crowded = pis.map((pi) => (pi.node === 'octavia' ? { ...pi, busy: 1, waiting: 7 } : pi));
  t.equal(chosen(long, crowded), 'alice llama3.2:1b');
});

const paid = candidate('paid', medium, { class: 'cloud', pricePerMillionTokens: 3 });
const dear = candidate('dear', medium, { class: 'cloud', pricePerMillionTokens: 15 });
const unsized = candidate('api', modelOf('gpt', { parametersB: 0, sizeBytes: 0, tools: true }), {
  class: 'cloud',
  pricePerMillionTokens: 3,
});
const free = candidate('free', medium, { class: 'gpu' });
const slow = candidate('slow', { ...medium, speed: { prefillTps: 5, decodeTps: 1, samples: 1 } });
const away = { closed: { filter: 'away' as const, text: 'it is lost' } };
const failing = { failing: 'it broke' };
/** Nine answers of three seconds each are before this one. */
const crowded = { busy: 4, waiting: 7, slots: 1, queue: 8 };
const named = { model: 'llama3.1:8b' };

for (const [what, want, places, answer, why] of [
  ['a free place comes first', named, [paid, free], 'free llama3.1:8b', /it is done first/],
  [
    'a free place that is slow comes first, too',
    named,
    [paid, slow],
    'slow llama3.1:8b',
    /it is done first|the only one/,
  ],
  [
    'the cheaper of two',
    named,
    [dear, paid],
    'paid llama3.1:8b',
    /costs \$3 a million tokens; no free machine can answer/,
  ],
  [
    'all free ones are away',
    named,
    [paid, { ...free, ...away }],
    'paid llama3.1:8b',
    /costs \$3 a million tokens; no free machine can answer \(free: it is lost\)/,
  ],
  [
    'the free one failed lately',
    named,
    [paid, { ...free, ...failing }],
    'paid llama3.1:8b',
    /free is free, but it failed lately: it broke/,
  ],
  [
    'the queue of the free one is longer than people wait',
    named,
    [paid, { ...slow, ...crowded }],
    'paid llama3.1:8b',
    /slow is free, but its queue is too long/,
  ],
  [
    'a free one that failed comes before a paid one that failed',
    named,
    [
      { ...paid, ...failing },
      { ...free, ...failing },
    ],
    'free llama3.1:8b',
    /./,
  ],
  ['a tier goes to the free one', { tier: 'medium' }, [paid, free], 'free llama3.1:8b', /the least hardware/],
  ['a tier goes to the slow free one', { tier: 'medium' }, [paid, slow], 'slow llama3.1:8b', /none is fast enough/],
  ['small before large before money', { tier: 'auto' }, [unsized, ...box(), ...pis], 'alice llama3.2:1b', /./],
  ['large before money', { tier: 'auto' }, [unsized, ...box()], 'anvil llama3.2:1b', /./],
  [
    'what tells no size serves any tier, for money',
    { tier: 'large' },
    [unsized, ...pis],
    'api gpt',
    /costs \$3 a million tokens; no free machine can answer/,
  ],
  ['a paid one of another tier does not', { tier: 'large' }, [paid], null, /^$/],
] as [string, RouteAsk['want'], RouteCandidate[], string | null, RegExp][]) {
  t.test(`money is spent last: ${what}`, async (t) => {
    for (const order of [places, places.toReversed()]) {
      t.equal(chosen(ask(want, { unpaid: null }), order), answer);
      t.match(route(ask(want, { unpaid: null }), order).why, why);
    }
    const unpaid = route(ask(want), places);
    t.notOk(unpaid.chosen && unpaid.chosen.candidate.pricePerMillionTokens > 0, 'never where the key may not pay');
  });
}

t.test('without anything to pay for, a long queue changes nothing', async (t) => {
  const queued = candidate('queued', onGpu, { class: 'gpu', busy: 4, waiting: 7, queue: 8, slots: 4 });
  const places = [queued, { ...slow, model: { ...slow.model, name: 'llama3.2:1b' } }];
  t.equal(
    chosen(ask({ model: 'llama3.2:1b' }), places),
    chosen(ask({ model: 'llama3.2:1b' }, { unpaid: null }), places),
  );
});

t.test('each refusal has its reason', async (t) => {
  const reasons = (given: Partial<RouteAsk>, one: RouteCandidate) =>
    route(ask({ tier: 'auto' }, given), [one]).refused[0];
  t.match(reasons({ kind: 'embed' }, candidate('a')), { filter: 'kind', text: /makes no vectors/ });
  t.match(reasons({ promptTokens: 9_000 }, candidate('a')), {
    filter: 'context',
    text: /about 9000 tokens, and its context 8192/,
  });
  t.match(reasons({ tools: true }, candidate('a')), { filter: 'tools' });
  t.match(reasons({}, candidate('a', small, { isApart: true })), { filter: 'simulated' });
  t.match(reasons({ sees: true }, candidate('a', { ...small, sees: false })), { filter: 'sees' });
  t.match(reasons({}, candidate('a', small, { class: 'cloud', pricePerMillionTokens: 3 })), {
    filter: 'price',
    text: 'costs $3 a million tokens, and the key guest has no budget of money',
  });
  t.match(reasons({ unpaid: null }, candidate('a', small, { class: 'cloud' })), {
    filter: 'price',
    text: 'costs money and names no price, and no budget could be kept',
  });
  t.equal(reasons({ sees: true }, candidate('a')), undefined, 'a server that does not tell is tried');
  t.match(reasons({}, candidate('a', small, { busy: 1, waiting: 8 })), {
    filter: 'full',
    text: /1 at work, 8 waiting/,
  });
});

t.test('whatever the order of the candidates, the answer is the same, and it is one of the open ones', async (t) => {
  const arbitrary = fc.record({
    node: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    model: fc.constantFrom(small, medium, large),
    class: fc.constantFrom('pi', 'cpu', 'gpu'),
    busy: fc.nat(6),
    waiting: fc.nat(10),
    health: fc.double({ min: 0.01, max: 1, noNaN: true }),
    failing: fc.constantFrom(null, 'broken'),
  });
  const want = fc.constantFrom<RouteAsk['want']>({ tier: 'auto' }, { tier: 'small' }, { model: 'any' });
  fc.assert(
    fc.property(
      fc.uniqueArray(arbitrary, { selector: ({ node, model }) => `${node} ${model.name}` }),
      want,
      (rows, wanted) => {
        const candidates = rows.map(({ node, model, ...given }) => candidate(node, model, given));
        const { chosen: found, others, refused } = route(ask(wanted), candidates);
        const again = route(ask(wanted), candidates.toReversed());
        t.equal(again.chosen?.candidate.node, found?.candidate.node);
        t.equal(again.chosen?.candidate.model.name, found?.candidate.model.name);
        if (found) {
          const { failing, waiting, queue } = found.candidate;
          t.ok(waiting < queue);
          if (!('tier' in wanted) && failing !== null)
            t.ok(others.every(({ candidate: other }) => other.failing !== null));
        }
        if (!('tier' in wanted))
          t.equal(refused.length + others.length + (found ? 1 : 0), candidates.length, 'each has an answer');
      },
    ),
    { numRuns: 200 },
  );
});
