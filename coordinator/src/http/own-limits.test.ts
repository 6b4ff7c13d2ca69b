// A key reads what it may use: by a route, by the headers that its client knows, and people by the metrics.
import type { KeyView, OwnLimits } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { nodeWith, usage } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
await nodeWith(fleet, 'alice', [modelOf('m', { resident: true, slots: 4 })], ({ part }) =>
  part({
    events: [{ text: 'Hello' }],
    end: { reason: 'stop', usage: { ...usage, promptTokens: 100, completionTokens: 50 } },
  }),
);
async function keyOf(name: string, budget?: object) {
  const made = await fleet.call<KeyView & { key: string }>('POST', '/v1/keys', {
    body: { name, role: 'client', ...(budget ? { budget } : {}) },
  });
  return made.body.key;
}
const limitsOf = async (key: string) => (await fleet.call<OwnLimits>('GET', '/v1/me/limits', { key })).body;
const messages = [{ role: 'user', content: 'Hi' }];
const ask = (key: string, more: object = {}) =>
  fleet.call('POST', '/v1/chat/completions', { key, body: { model: 'm', messages, max_tokens: 60, ...more } });

t.test('by a route: only its own', async (t) => {
  const key = await keyOf('counted', { tokens: 1_000, usd: 2, per: 'month' });
  await ask(key);
  const { budget, ...rates } = await limitsOf(key);
  t.match(budget, { tokens: 1_000, usd: 2, per: 'month', usedTokens: 150, usedUsd: 0, reservedTokens: 0 });
  t.match(rates, { requestsPerMinute: 6_000, requestsAtOnce: 500, requestsLeft: 5_998 });
  t.ok(rates.resetMs > 0 && rates.resetMs <= 60_000, `${rates.resetMs} ms`);
  t.match(await limitsOf(await keyOf('free')), { budget: null, requestsLeft: 5_999 });
});

t.test('by headers of OpenAI and of Anthropic, streams and refusals included', async (t) => {
  const key = await keyOf('headed', { tokens: 200, per: 'day' });
  const first = (await ask(key)).headers;
  t.equal(first.get('x-ratelimit-limit-requests'), '6000');
  t.equal(first.get('x-ratelimit-remaining-requests'), '5999');
  t.match(first.get('x-ratelimit-reset-requests'), /^(1m0s|\d+s|\d+ms)$/);
  t.equal(first.get('x-ratelimit-limit-tokens'), '200');
  t.equal(first.get('x-ratelimit-remaining-tokens'), '200', 'as it was when the request came');
  t.match(first.get('x-ratelimit-reset-tokens'), /^(\d+h)?(\d+m)?\d+s$/);
  const streamed = await fleet.call('POST', '/v1/messages', {
    key,
    body: { model: 'm', messages, max_tokens: 20, stream: true },
  });
  t.equal(streamed.status, 200);
  t.equal(streamed.headers.get('anthropic-ratelimit-tokens-remaining'), '50');
  t.ok(Date.parse(streamed.headers.get('anthropic-ratelimit-tokens-reset') ?? '') > 0);
  t.equal(streamed.headers.get('anthropic-ratelimit-requests-remaining'), '5998');
  const refused = await ask(key);
  t.equal(refused.status, 429);
  t.equal(refused.headers.get('x-ratelimit-remaining-tokens'), '0');
  const plain = (await ask(await keyOf('plain'))).headers;
  t.equal(plain.get('x-ratelimit-remaining-tokens'), null, 'nothing limits its tokens');
  const own = await fleet.call('GET', '/v1/nodes');
  t.equal(own.headers.get('x-ratelimit-limit-requests'), null, 'the routes of the fleet have none');
  const stranger = await fleet.call('POST', '/v1/chat/completions', { key: null, body: { model: 'm', messages } });
  t.equal(stranger.headers.get('x-ratelimit-limit-requests'), null);
});

t.test('by metrics', async (t) => {
  const spec = { name: 'ada', model: ['m'], instructions: 'x', budget: { usd: 5, per: 'day' as const } };
  await fleet.call('PUT', '/v1/agents/ada', { body: spec });
  const revoked = await fleet.call<KeyView>('POST', '/v1/keys', {
    body: { name: 'gone', role: 'client', budget: { usd: 7, per: 'month' } },
  });
  await fleet.call('DELETE', `/v1/keys/${revoked.body.id}`);
  const { body } = await fleet.call<string>('GET', '/metrics');
  for (const line of [
    'blackroad_budget_limit{of="key",name="counted",unit="tokens"} 1000',
    'blackroad_budget_limit{of="key",name="counted",unit="usd"} 2',
    'blackroad_budget_used{of="key",name="counted",unit="tokens"} 150',
    'blackroad_budget_used{of="key",name="counted",unit="usd"} 0',
    'blackroad_budget_reserved{of="key",name="headed",unit="tokens"} 0',
    'blackroad_budget_limit{of="agent",name="ada",unit="usd"} 5',
  ])
    t.ok(body.includes(line), line);
  t.notMatch(body, /blackroad_budget_limit\{of="agent",name="ada",unit="tokens"/, 'no limit, no row');
  t.notMatch(body, /name="gone"/);
});
