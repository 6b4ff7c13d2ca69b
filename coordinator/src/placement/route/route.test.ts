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
  mayPay: false,
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

t.test('money is spent last, and only where the request may pay', async (t) => {
  const paid = candidate('paid', medium, { class: 'cloud', pricePerMillionTokens: 3 });
  t.equal(chosen(ask({ model: 'llama3.1:8b' }), [paid]), null);
  t.equal(chosen(ask({ model: 'llama3.1:8b' }, { mayPay: true }), [paid]), 'paid llama3.1:8b');
  const slow = candidate('slow', { ...medium, speed: { prefillTps: 5, decodeTps: 1, samples: 1 } });
  t.equal(chosen(ask({ model: 'llama3.1:8b' }, { mayPay: true }), [paid, slow]), 'slow llama3.1:8b');
});

t.test('each refusal has its reason', async (t) => {
  const reasons = (given: Partial<RouteAsk>, one: RouteCandidate) =>
    route(ask({ tier: 'auto' }, given), [one]).refused[0];
  t.match(reasons({ kind: 'embed' }, candidate('a')), { filter: 'kind', text: /makes no vectors/ });
  t.match(reasons({ promptTokens: 9_000 }, candidate('a')), {
    filter: 'context',
    text: /about 9000 tokens, it takes 8192/,
  });
  t.match(reasons({ tools: true }, candidate('a')), { filter: 'tools' });
  t.match(reasons({}, candidate('a', small, { isApart: true })), { filter: 'simulated' });
  t.match(reasons({ sees: true }, candidate('a', { ...small, sees: false })), { filter: 'sees' });
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
