// Webhooks as the API shows them. One that comes in is an address with a secret: who calls it wakes the agents whose triggers name it. One that
// goes out is an address of others: events of the fleet are posted there, signed as Standard Webhooks has it.
import { EventType } from './events.ts';
import { AgentName, TaskId, TimeMs } from './ids.ts';
import { WebhookName } from './trigger.ts';
import { type Static, Type } from './typebox.ts';
import { maxWebhookEvents, maxWebhookUrlChars } from './webhook-limits.ts';

const closed = { additionalProperties: false };
const Count = (description: string) => Type.Integer({ minimum: 0, description });

const Url = Type.String({
  minLength: 1,
  maxLength: maxWebhookUrlChars,
  description: 'Where events are posted: http or https. `--webhook-hosts` says which addresses are allowed.',
});
const Events = Type.Array(EventType, { minItems: 1, maxItems: maxWebhookEvents });

export const WebhookRequest = Type.Union([
  Type.Object(
    {
      direction: Type.Literal('in'),
      name: WebhookName,
      signed: Type.Optional(
        Type.Boolean({
          description:
            'Callers may sign the body with the secret instead of sending it, as GitHub does (`x-hub-signature-256`). The secret is then kept, and not its hash alone.',
        }),
      ),
    },
    { ...closed, description: 'An address that wakes the agents whose triggers name this webhook.' },
  ),
  Type.Object(
    {
      direction: Type.Literal('out'),
      name: WebhookName,
      url: Url,
      events: Events,
    },
    { ...closed, description: 'An address of others that events of the fleet are posted to.' },
  ),
]);
export type WebhookRequest = Static<typeof WebhookRequest>;

export const WebhookEdit = Type.Object(
  { url: Type.Optional(Url), events: Type.Optional(Events) },
  {
    ...closed,
    minProperties: 1,
    description: 'Of one that goes out: the fields that change; its secret and all else stay.',
  },
);
export type WebhookEdit = Static<typeof WebhookEdit>;

const Outcome = {
  ok: Type.Boolean({ description: 'It answered with a status of 2xx.' }),
  status: Type.Nullable(Type.Integer({ description: 'That of the answer; null: there was none.' })),
  text: Type.String({ description: 'In words.' }),
};
export const WebhookOutcome = Type.Object({ ...Outcome, ms: Count('From the connection to the answer.') });
export type WebhookOutcome = Static<typeof WebhookOutcome>;

export const WebhookView = Type.Object({
  id: Type.String(),
  name: WebhookName,
  direction: Type.OneOf(['in', 'out']),
  createdMs: TimeMs,
  by: Type.String({ description: 'Who made it.' }),
  paused: Type.Nullable(Type.Object({ atMs: TimeMs, by: Type.String() }), {
    description:
      'Since when and by whom: calls of one that comes in are refused; of one that goes out nothing is posted, and its events wait.',
  }),
  in: Type.Nullable(
    Type.Object({
      path: Type.String({
        description: 'Of its address; the secret is one level more, or in the header `authorization`.',
      }),
      signed: Type.Boolean({ description: 'Callers may sign the body instead of sending the secret.' }),
      agents: Type.Array(AgentName, { description: 'Those whose triggers name it.' }),
      taken: Count('Calls that woke an agent, since the coordinator started.'),
      refused: Count('Calls with the right secret that did not, since then.'),
      lastMs: Type.Nullable(TimeMs),
    }),
    { description: 'Of one that comes in.' },
  ),
  out: Type.Nullable(
    Type.Object({
      url: Type.String(),
      events: Type.Array(Type.String()),
      waiting: Count('Deliveries that are still tried.'),
      dead: Count('Deliveries that were given up, the newest ones.'),
      delivered: Count('All that were delivered.'),
      dropped: Count(
        'Events that were left out because too many waited, or that came while the coordinator was down too long.',
      ),
      last: Type.Nullable(Type.Object({ ...Outcome, atMs: TimeMs, event: Type.String() })),
      failingSinceMs: Type.Nullable(TimeMs, {
        description:
          'When the first delivery was given up since one succeeded, or since it has its address; null: none was.',
      }),
      oldSecretUntilMs: Type.Nullable(TimeMs, {
        description: 'Until then each message is signed with the previous secret, too.',
      }),
    }),
    { description: 'Of one that goes out.' },
  ),
});
export type WebhookView = Static<typeof WebhookView>;

export const WebhookMade = Type.Object({
  ...WebhookView.properties,
  secret: Type.String({ description: 'Shown once.' }),
  url: Type.Nullable(
    Type.String({ description: 'Of one that comes in: the whole address, with the secret; it is shown once.' }),
  ),
});
export type WebhookMade = Static<typeof WebhookMade>;

export const DeliveryView = Type.Object({
  id: Type.String({ description: 'The header `webhook-id` of every try.' }),
  event: Type.String({ description: 'Type of the event.' }),
  text: Type.String({ description: 'The event in words.' }),
  state: Type.OneOf(['waiting', 'dead']),
  tries: Type.Integer(),
  atMs: TimeMs,
  nextMs: Type.Nullable(TimeMs, { description: 'Of the next try; null: it was given up.' }),
  problem: Type.Nullable(Type.String({ description: 'Of the last try.' })),
});
export type DeliveryView = Static<typeof DeliveryView>;

/** What calling a webhook that comes in did. */
export const WebhookCalled = Type.Object({
  tasks: Type.Array(Type.Object({ agent: AgentName, task: TaskId })),
  refused: Type.Array(Type.Object({ agent: AgentName, text: Type.String() }), {
    description: 'Agents that were not asked, with the reason.',
  }),
  answer: Type.Optional(
    Type.Object(
      { agent: AgentName, task: TaskId, ok: Type.Boolean(), text: Type.String() },
      { description: 'Of the first of the tasks, where `wait` was long enough.' },
    ),
  ),
});
export type WebhookCalled = Static<typeof WebhookCalled>;

/** How a trigger that the coordinator runs goes. */
export const TriggerView = Type.Object({
  at: Type.Integer({ minimum: 0, description: 'Its place in the spec.' }),
  fired: Count('How often it asked the agent, since the coordinator started.'),
  rested: Count('What came while it rested, and asked nothing.'),
  refused: Count('What could not be asked, as where the queue was full.'),
  lastMs: Type.Nullable(TimeMs, { description: 'Of the last that came.' }),
  problem: Type.Nullable(Type.String({ description: 'Why the last one that was refused was.' })),
});
export type TriggerView = Static<typeof TriggerView>;
