// The kinds of triggers, and what each is in code. Pure, and without the schema: the console imports it too.
import type { EventTrigger, PinTrigger, TimeTrigger, TopicTrigger, Trigger, WebhookTrigger } from './trigger.ts';

/** Each names itself by the field of that name. In the order in which a form offers them. */
export const triggerKinds = ['cron', 'topic', 'webhook', 'event', 'pin'] as const;
export type TriggerKind = (typeof triggerKinds)[number];
interface OfKind {
  cron: TimeTrigger;
  topic: TopicTrigger;
  webhook: WebhookTrigger;
  event: EventTrigger;
  pin: PinTrigger;
}

export const pinEdges = ['rising', 'falling', 'both'] as const;

/** Seconds for which a trigger that fired does not fire again, where it says nothing of that. */
export const defaultRestSeconds = { topic: 10, webhook: 0, event: 60, pin: 10 } as const;
/** An agent's own work may cause an event in a roundabout way, as heat: it is not asked about events more often than that. */
export const minEventRestSeconds = 10;

export function kindOfTrigger(trigger: Trigger): TriggerKind {
  if ('cron' in trigger) return 'cron';
  if ('topic' in trigger) return 'topic';
  if ('webhook' in trigger) return 'webhook';
  return 'event' in trigger ? 'event' : 'pin';
}
/** The triggers of one kind, with their places in the spec. */
export function triggersOf<K extends TriggerKind>(
  triggers: readonly Trigger[],
  kind: K,
): { at: number; trigger: OfKind[K] }[] {
  return triggers.flatMap((trigger, at) => (kind in trigger ? [{ at, trigger: trigger as OfKind[K] }] : []));
}
export function isTimeTrigger(trigger: Trigger): trigger is TimeTrigger {
  return 'cron' in trigger;
}
export function isPinTrigger(trigger: Trigger): trigger is PinTrigger {
  return 'pin' in trigger;
}
/** Milliseconds for which a trigger that fired does not fire again. */
export function restMsOf(trigger: Exclude<Trigger, TimeTrigger>): number {
  const kind = kindOfTrigger(trigger) as keyof typeof defaultRestSeconds;
  return (trigger.restSeconds ?? defaultRestSeconds[kind]) * 1000;
}
