// A trigger of an agent: when it is asked without a person, and what it is then asked. The kind is said by the field that is there: `cron`,
// `topic`, `webhook`, `event` or `pin`. The node of the agent runs those of time and of pins, also alone; the coordinator runs the others.
import { maxPromptBytes } from './limits.ts';
import { listInWords } from './list-words.ts';
import { maxTopicFilterChars, topicFilterPattern } from './topic-filter.ts';
import { defaultRestSeconds, minEventRestSeconds, pinEdges, triggerKinds } from './trigger-kinds.ts';
import { type Static, Type } from './typebox.ts';

const closed = { additionalProperties: false };

/** Each process checks the zone where it uses it: machines have different tables of time zones. */
const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description:
    'IANA time zone such as Europe/Berlin, in which the expression is meant. Missing: the zone of the fleet.',
});
const Prompt = Type.String({ minLength: 1, maxLength: maxPromptBytes });
const FilledPrompt = Type.String({
  minLength: 1,
  maxLength: maxPromptBytes,
  description: 'May hold `{{payload}}` and the other place holders of docs/webhooks.md.',
});

const restOf = (kind: keyof typeof defaultRestSeconds, minimum = 0) =>
  Type.Optional(
    Type.Integer({
      minimum,
      maximum: 86_400,
      description: `What comes within so many seconds after it fired is counted and asks nothing. Missing: ${defaultRestSeconds[kind]}.`,
    }),
  );

/** A name of a webhook or of a pin. */
const namePattern = '^[a-z0-9][a-z0-9-]{0,30}$';
export const WebhookName = Type.String({
  pattern: namePattern,
  description: 'Of a webhook: lower-case letters, digits and dashes, at most 31.',
});
export const PinName = Type.String({
  pattern: namePattern,
  description: 'Of a pin, as the owner of the node names it: lower-case letters, digits and dashes, at most 31.',
});
export const TimeTrigger = Type.Object(
  {
    cron: Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'Cron expression (5 or 6 fields), run by the node also when it is offline.',
    }),
    timeZone: Type.Optional(TimeZone),
    prompt: Prompt,
  },
  { ...closed, description: 'At times.' },
);
export type TimeTrigger = Static<typeof TimeTrigger>;

export const TopicTrigger = Type.Object(
  {
    topic: Type.String({
      maxLength: maxTopicFilterChars,
      pattern: topicFilterPattern,
      description: 'Filter below `blackroad/v1/in/`, such as `hall/motion` or `+/door/#`.',
    }),
    contains: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Only messages whose text has this in it.' }),
    ),
    restSeconds: restOf('topic'),
    prompt: FilledPrompt,
  },
  { ...closed, description: 'When a program publishes under `blackroad/v1/in/`.' },
);
export type TopicTrigger = Static<typeof TopicTrigger>;

export const WebhookTrigger = Type.Object(
  { webhook: WebhookName, restSeconds: restOf('webhook'), prompt: FilledPrompt },
  { ...closed, description: 'When a program calls the webhook of this name.' },
);
export type WebhookTrigger = Static<typeof WebhookTrigger>;

export const EventTrigger = Type.Object(
  {
    event: Type.String({
      pattern: '^[a-z][a-z-]{0,39}$',
      description:
        'Type of an event of the fleet, such as `node-lost`; docs/webhooks.md lists those that may be named.',
    }),
    node: Type.Optional(Type.String({ minLength: 1, maxLength: 63, description: 'Only events of this node.' })),
    agent: Type.Optional(
      Type.String({ minLength: 1, maxLength: 63, description: 'Only events of the agent of this name.' }),
    ),
    restSeconds: restOf('event', minEventRestSeconds),
    prompt: FilledPrompt,
  },
  { ...closed, description: 'When something happens in the fleet.' },
);
export type EventTrigger = Static<typeof EventTrigger>;

export const PinTrigger = Type.Object(
  {
    pin: PinName,
    edge: Type.OneOf(pinEdges, { description: 'rising: it goes from off to on; falling: from on to off.' }),
    restSeconds: restOf('pin'),
    prompt: FilledPrompt,
  },
  { ...closed, description: 'When a pin of the node changes, run by the node also when it is offline.' },
);
export type PinTrigger = Static<typeof PinTrigger>;

export const Trigger = Type.Union([TimeTrigger, TopicTrigger, WebhookTrigger, EventTrigger, PinTrigger], {
  description: `When the agent is asked by itself, and what: with one of the fields ${listInWords(triggerKinds, 'or', 5)}.`,
});
export type Trigger = Static<typeof Trigger>;
