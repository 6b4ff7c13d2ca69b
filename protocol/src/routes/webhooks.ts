// Routes of webhooks: those that come in and go out, their deliveries, and the addresses that programs call.
import { WebhookName } from '../trigger.ts';
import { Type } from '../typebox.ts';
import {
  DeliveryView,
  TriggerView,
  WebhookCalled,
  WebhookEdit,
  WebhookMade,
  WebhookOutcome,
  WebhookRequest,
  WebhookView,
} from '../webhook.ts';
import { maxHookBodyBytes, maxHookWaitSeconds } from '../webhook-limits.ts';
import { agentParams, route } from './row.ts';

const hookParams = Type.Object({ webhook: WebhookName });
const hookQuery = Type.Object({
  wait: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: maxHookWaitSeconds,
      description: 'Seconds to wait for the answer of the first agent; missing: none.',
    }),
  ),
});
/** A stranger's path may be of any form; a wrong one is refused as a wrong secret is. */
const anyText = Type.String({ maxLength: 200 });

export const webhookRoutes = {
  webhooks: route({
    method: 'GET',
    path: '/v1/webhooks',
    needs: 'webhooks:read',
    text: 'Webhooks, without their secrets.',
    answer: Type.Array(WebhookView),
  }),
  webhookCreate: route({
    method: 'POST',
    path: '/v1/webhooks',
    needs: 'webhooks:write',
    text: 'Makes a webhook; its secret is shown once.',
    body: WebhookRequest,
    answer: WebhookMade,
    created: true,
  }),
  webhookRotate: route({
    method: 'POST',
    path: '/v1/webhooks/:webhook/rotate',
    needs: 'webhooks:write',
    text: 'Gives a webhook another secret. One that goes out is signed with both for a day; of one that comes in the old address stops at once.',
    params: hookParams,
    answer: WebhookMade,
  }),
  webhookEdit: route({
    method: 'PUT',
    path: '/v1/webhooks/:webhook',
    needs: 'webhooks:write',
    text: 'Gives a webhook that goes out another address or other types of events. Its secret stays. What waits goes to the new address, at once and with all its tries; types that are added count from now on.',
    params: hookParams,
    body: WebhookEdit,
    answer: WebhookView,
  }),
  webhookPause: route({
    method: 'POST',
    path: '/v1/webhooks/:webhook/pause',
    needs: 'webhooks:write',
    text: 'Pauses a webhook. Of one that goes out nothing is posted, and its events wait, as many as its queue takes; calls of one that comes in are refused with 503.',
    params: hookParams,
    answer: WebhookView,
  }),
  webhookResume: route({
    method: 'POST',
    path: '/v1/webhooks/:webhook/resume',
    needs: 'webhooks:write',
    text: 'Ends a pause. What waits for one that goes out is posted at once, oldest first, with all its tries.',
    params: hookParams,
    answer: WebhookView,
  }),
  webhookDelete: route({
    method: 'DELETE',
    path: '/v1/webhooks/:webhook',
    needs: 'webhooks:write',
    text: 'Deletes a webhook, with what waits for it.',
    params: hookParams,
  }),
  webhookTest: route({
    method: 'POST',
    path: '/v1/webhooks/:webhook/test',
    needs: 'webhooks:write',
    text: 'Posts one signed message of the type `test` now, and says what the address answered.',
    params: hookParams,
    answer: WebhookOutcome,
  }),
  deliveries: route({
    method: 'GET',
    path: '/v1/webhooks/:webhook/deliveries',
    needs: 'webhooks:read',
    text: 'What waits for a webhook that goes out, and what was given up.',
    params: hookParams,
    answer: Type.Array(DeliveryView),
  }),
  deliveriesReplay: route({
    method: 'POST',
    path: '/v1/webhooks/:webhook/replay',
    needs: 'webhooks:write',
    text: 'Tries deliveries that were given up again, under their ids: those named, or all.',
    params: hookParams,
    body: Type.Object(
      { ids: Type.Optional(Type.Array(Type.String({ maxLength: 80 }), { maxItems: 100 })) },
      { additionalProperties: false },
    ),
    answer: Type.Object({ replayed: Type.Integer({ minimum: 0 }) }),
  }),
  agentTriggers: route({
    method: 'GET',
    path: '/v1/agents/:agent/triggers',
    needs: 'agents:read',
    text: 'How the triggers of an agent that the coordinator runs have gone since it started: those of topics, webhooks and events.',
    params: agentParams,
    answer: Type.Array(TriggerView),
  }),
  hookCall: route({
    method: 'POST',
    path: '/hooks/:webhook/:secret',
    needs: 'open',
    text: 'Calls a webhook that comes in: its body, of any type, is what the agents get. 202 with the tasks; `Idempotency-Key` makes a repeated call the same one.',
    params: Type.Object({ webhook: anyText, secret: anyText }),
    query: hookQuery,
    raw: true,
    bodyBytes: maxHookBodyBytes,
    answer: WebhookCalled,
  }),
  hookCallByHeader: route({
    method: 'POST',
    path: '/hooks/:webhook',
    needs: 'open',
    text: 'The same with the secret in the header `authorization: Bearer`, so that it is in no log of addresses.',
    params: Type.Object({ webhook: anyText }),
    query: hookQuery,
    raw: true,
    bodyBytes: maxHookBodyBytes,
    answer: WebhookCalled,
  }),
};
