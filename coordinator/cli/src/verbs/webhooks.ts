// Verbs for webhooks: those that wake agents, and those that events are posted to.
import {
  counted,
  type EventType,
  eventTypes,
  maxDeliveriesWaiting,
  nearNames,
  type WebhookMade,
  type WebhookView,
} from '@blackroad/protocol';
import { argument, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, duration, table } from '../words.ts';

type Paused = NonNullable<WebhookView['paused']>;

function stateOf(hook: WebhookView, call: VerbCall): string {
  if (hook.paused) return call.paint('yellow', ['paused', ...queueWords(hook)].join(', '));
  const { in: into, out } = hook;
  if (into) return into.agents.length === 0 ? call.paint('yellow', 'wakes nobody') : `wakes ${into.agents.join(', ')}`;
  if (!out) return '-';
  const last = out.last === null ? 'not used yet' : out.last.text;
  return call.paint(out.last?.ok === false || out.dead > 0 ? 'red' : 'green', [last, ...queueWords(hook)].join(', '));
}
function queueWords({ out }: WebhookView): string[] {
  const { waiting = 0, dead = 0 } = out ?? {};
  return [...(waiting > 0 ? [`${waiting} waiting`] : []), ...(dead > 0 ? [`${dead} given up`] : [])];
}
function lastOf({ in: into, out }: WebhookView): number | null {
  return into ? into.lastMs : (out?.last?.atMs ?? null);
}
const placeOf = ({ in: into, out }: WebhookView): string => into?.path ?? out?.url ?? '-';

function pausedWords({ name, out }: WebhookView, { atMs, by }: Paused, call: VerbCall): string {
  const what = out ? 'its events wait' : 'its calls are refused';
  return `${ago(atMs, call.clock.nowMs())} by ${by}: ${what}, until: ${call.as.fleet(`webhooks resume ${name}`)}`;
}

function madeWords(made: WebhookMade, call: VerbCall): string {
  if (made.url !== null)
    return [
      made.url,
      '',
      'It is shown only now. Programs post to it, or to its address without the last level and with',
      `the header "authorization: Bearer ${made.secret}".`,
      ...(made.in?.signed ? [`Or sign the body with the secret, as GitHub does: ${made.secret}`] : []),
      `Which agents it wakes their triggers say: triggers: [{ webhook: ${made.name}, prompt: "This came: {{payload}}" }]`,
    ].join('\n');
  return [
    made.secret,
    '',
    'It is shown only now: the receiver checks the signature of each message with it (docs/webhooks.md).',
    `Try it with: ${call.as.fleet(`webhooks test ${made.name}`)}`,
  ].join('\n');
}

const eventsText = 'Types of events that are posted: node-lost,node-online.';

function eventsFlag(call: VerbCall): EventType[] {
  const given = (textFlag(call, 'events') ?? '')
    .split(',')
    .map((type) => type.trim())
    .filter(Boolean);
  if (given.length === 0) throw wrongUse('--events: expected types of events such as node-lost,node-online.');
  for (const type of given) {
    if (eventTypes.includes(type as EventType)) continue;
    const near = nearNames(type, eventTypes);
    const hint = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
    throw wrongUse(`--events: there is no event ${type}.${hint}`);
  }
  return given as EventType[];
}
/** `hooks.example.org` is `hooks-example-org`. */
function nameFor(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return (
    host
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+/, '')
      .slice(0, 31) || 'webhook'
  );
}

export const webhookVerbs: Verb[] = [
  {
    words: 'webhooks',
    args: '',
    text: 'List webhooks: those that wake agents, and those that events are posted to.',
    async run(call) {
      const hooks = await call.client().call('webhooks');
      const now = call.clock.nowMs();
      const rows = hooks.map((hook) => [
        hook.name,
        hook.direction,
        placeOf(hook),
        stateOf(hook, call),
        ago(lastOf(hook), now),
      ]);
      call.show(hooks, () =>
        hooks.length === 0
          ? `No webhooks. Make one: ${call.as.fleet('webhooks create --help')}`
          : table(['WEBHOOK', 'WAY', 'ADDRESS', 'STATE', 'LAST'], rows, call.columns, call.paint),
      );
    },
  },
  {
    words: 'webhooks create',
    args: '<name-or-url>',
    text: 'Makes a webhook; its secret is shown once. A name makes one that programs call and that wakes agents; a URL with --events makes one that events of the fleet are posted to.',
    flags: {
      events: { type: 'string', value: '<type,...>', text: eventsText },
      signed: {
        type: 'boolean',
        text: 'Of one that programs call: they may sign the body with the secret instead of sending it, as GitHub does.',
      },
      name: { type: 'string', value: '<name>', text: 'Name of one that events are posted to; its host by default.' },
    },
    async run(call) {
      const given = argument(call, 0, '<name-or-url>');
      const isOut = /^[a-z][a-z0-9+.-]*:/i.test(given);
      const name = textFlag(call, 'name');
      if (isOut && call.flags.signed) throw wrongUse('--signed goes with a name: what goes out is always signed.');
      if (!isOut && (name !== undefined || textFlag(call, 'events') !== undefined))
        throw wrongUse('--events and --name go with a URL, which events are posted to.');
      const made = await call.client().call('webhookCreate', {
        body: isOut
          ? { direction: 'out', name: name ?? nameFor(given), url: given, events: eventsFlag(call) }
          : { direction: 'in', name: given, ...(call.flags.signed ? { signed: true } : {}) },
      });
      call.show(made, () => madeWords(made, call));
    },
  },
  {
    words: 'webhooks show',
    args: '<webhook>',
    text: 'Shows a webhook, with what waits for it and what was given up.',
    completes: 'webhooks',
    async run(call) {
      const name = argument(call, 0, '<webhook>');
      const hooks = await call.client().call('webhooks');
      const hook = hooks.find((each) => each.name === name);
      if (!hook) {
        await call.client().call('deliveries', { params: { webhook: name } });
        throw wrongUse(`There is no webhook ${name}.`);
      }
      const deliveries = hook.out ? await call.client().call('deliveries', { params: { webhook: name } }) : [];
      const now = call.clock.nowMs();
      call.show({ ...hook, deliveries }, () => {
        const { in: into, out } = hook;
        const lines = [
          `${call.paint('bold', name)}  ${stateOf(hook, call)}`,
          `address      ${placeOf(hook)}`,
          `made         ${ago(hook.createdMs, now)} by ${hook.by}`,
        ];
        if (hook.paused) lines.push(`paused       ${pausedWords(hook, hook.paused, call)}`);
        if (into)
          lines.push(
            `calls        ${into.taken} woke an agent, ${into.refused} did not, since the coordinator started`,
          );
        if (out) {
          lines.push(`events       ${out.events.join(', ')}`);
          lines.push(`delivered    ${out.delivered}, left out ${out.dropped}`);
          if (out.failingSinceMs !== null)
            lines.push(
              `failing      for ${duration(now - out.failingSinceMs)}: some were given up, and none succeeded since`,
            );
          if (out.oldSecretUntilMs !== null)
            lines.push(`secret       the previous one signs too, for another ${duration(out.oldSecretUntilMs - now)}`);
        }
        if (deliveries.length === 0) return lines.join('\n');
        const rows = deliveries.map(({ id, event, state, tries, nextMs, problem }) => [
          id,
          event,
          nextMs === null ? call.paint('red', 'given up') : state,
          String(tries),
          nextMs === null ? '-' : hook.paused ? 'paused' : nextMs <= now ? 'now' : `in ${duration(nextMs - now)}`,
          problem ?? '-',
        ]);
        const head = ['DELIVERY', 'EVENT', 'STATE', 'TRIES', 'NEXT', 'PROBLEM'];
        return [...lines, '', table(head, rows, call.columns, call.paint)].join('\n');
      });
    },
  },
  {
    words: 'webhooks set',
    args: '<webhook>',
    text: 'Gives a webhook that goes out another address or other types of events; its secret stays. What waits goes to the new address, at once and with all its tries.',
    completes: 'webhooks',
    flags: {
      url: { type: 'string', value: '<url>', text: 'Where events are posted from now on.' },
      events: { type: 'string', value: '<type,...>', text: `${eventsText} Those that are added count from now on.` },
    },
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      const url = textFlag(call, 'url');
      const events = textFlag(call, 'events') === undefined ? undefined : eventsFlag(call);
      if (url === undefined && events === undefined) throw wrongUse('--url or --events is missing.');
      const body = { ...(url === undefined ? {} : { url }), ...(events ? { events } : {}) };
      const hook = await call.client().call('webhookEdit', { params: { webhook }, body });
      call.show(hook, () => `${webhook} posts ${hook.out?.events.join(', ')} to ${hook.out?.url}.`);
    },
  },
  {
    words: 'webhooks pause',
    args: '<webhook>',
    text: `Pauses a webhook. Of one that goes out nothing is posted, and its events wait, ${maxDeliveriesWaiting} at most; calls of one that comes in are refused with 503.`,
    completes: 'webhooks',
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      const hook = await call.client().call('webhookPause', { params: { webhook } });
      const what = hook.out ? `Its events wait, ${maxDeliveriesWaiting} at most` : 'Its calls are refused';
      call.show(hook, () => `${webhook} is paused. ${what}, until: ${call.as.fleet(`webhooks resume ${webhook}`)}`);
    },
  },
  {
    words: 'webhooks resume',
    args: '<webhook>',
    text: 'Ends the pause of a webhook. What waits for one that goes out is posted at once, oldest first, with all its tries.',
    completes: 'webhooks',
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      const hook = await call.client().call('webhookResume', { params: { webhook } });
      const next = hook.out
        ? `${counted(hook.out.waiting, 'event is', 'events are')} posted`
        : 'Calls wake agents again';
      call.show(hook, () => `${webhook} is resumed. ${next}.`);
    },
  },
  {
    words: 'webhooks test',
    args: '<webhook>',
    text: 'Posts one signed message of the type test, and says what was answered; also while the webhook is paused.',
    completes: 'webhooks',
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      const outcome = await call.client().call('webhookTest', { params: { webhook } });
      const { ok, text, ms } = outcome;
      call.show(outcome, () =>
        call.paint(ok ? 'green' : 'red', `${ok ? 'It works: ' : 'It does not work: '}${text} after ${ms} ms.`),
      );
    },
  },
  {
    words: 'webhooks replay',
    args: '<webhook> [delivery...]',
    text: 'Tries deliveries that were given up again, under their ids: those named, or all.',
    completes: 'webhooks',
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      const ids = call.args.slice(1);
      const body = ids.length === 0 ? {} : { ids };
      const done = await call.client().call('deliveriesReplay', { params: { webhook }, body });
      call.show(done, () => `${counted(done.replayed, 'delivery is', 'deliveries are')} in the queue again.`);
    },
  },
  {
    words: 'webhooks rotate',
    args: '<webhook>',
    text: 'Gives a webhook another secret, shown once. Messages that go out are signed with both for a day; of one that comes in the old address stops at once.',
    completes: 'webhooks',
    async run(call) {
      const made = await call.client().call('webhookRotate', { params: { webhook: argument(call, 0, '<webhook>') } });
      call.show(made, () => madeWords(made, call));
    },
  },
  {
    words: 'webhooks delete',
    args: '<webhook>',
    text: 'Deletes a webhook, with what waits for it.',
    completes: 'webhooks',
    async run(call) {
      const webhook = argument(call, 0, '<webhook>');
      await call.client().call('webhookDelete', { params: { webhook } });
      call.show({ webhook, deleted: true }, () => `${webhook} is deleted.`);
    },
  },
];
