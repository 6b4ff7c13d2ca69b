// Which triggers something that came fires. In: the triggers that the coordinator runs, by agent, and what came. Out: the triggers, with what
// their place holders stand for. Pure.
import {
  type EventTrigger,
  type FleetEvent,
  isPinTrigger,
  isTimeTrigger,
  mayWake,
  type PinTrigger,
  type TimeTrigger,
  type Trigger,
  type TriggerValues,
  takesTopic,
} from '@blackroad/protocol';

/** Those of time and of pins are run by the node. */
type RunHere = Exclude<Trigger, TimeTrigger | PinTrigger>;
export interface OwnTrigger {
  /** Its place in the spec. */
  at: number;
  trigger: RunHere;
}
export function ownTriggers(triggers: readonly Trigger[]): OwnTrigger[] {
  return triggers.flatMap((trigger, at) =>
    isTimeTrigger(trigger) || isPinTrigger(trigger) ? [] : [{ at, trigger: trigger as RunHere }],
  );
}

export type Came =
  /** `topic`: below `in/`. */
  | { kind: 'topic'; topic: string; text: string }
  | { kind: 'webhook'; webhook: string; text: string }
  /** `agent`: the name of the event's agent; null: it has none. */
  | { kind: 'event'; event: FleetEvent; agent: string | null };

export function wakes(trigger: RunHere, came: Came): boolean {
  if (came.kind === 'topic')
    return (
      'topic' in trigger &&
      takesTopic(trigger.topic, came.topic) &&
      (trigger.contains === undefined || came.text.includes(trigger.contains))
    );
  if (came.kind === 'webhook') return 'webhook' in trigger && trigger.webhook === came.webhook;
  return 'event' in trigger && wakesByEvent(trigger, came);
}
function wakesByEvent({ event: type, node, agent }: EventTrigger, came: Extract<Came, { kind: 'event' }>): boolean {
  const { event } = came;
  return (
    event.type === type &&
    mayWake(event.type) &&
    (node === undefined || event.node === node) &&
    (agent === undefined || came.agent === agent)
  );
}

export function valuesOf(came: Came): TriggerValues {
  if (came.kind === 'topic') return { payload: came.text, topic: came.topic };
  if (came.kind === 'webhook') return { payload: came.text };
  const { type, node, text } = came.event;
  return { payload: text, event: type, ...(node === null ? {} : { node }) };
}
/** For the name of the asker: `trigger webhook door of alice`. */
export function askerName(trigger: RunHere, agent: string): string {
  if ('topic' in trigger) return `trigger topic ${trigger.topic} of ${agent}`;
  if ('webhook' in trigger) return `trigger webhook ${trigger.webhook} of ${agent}`;
  return `trigger event ${trigger.event} of ${agent}`;
}
