// A trigger in words: when an agent is asked by itself. Pure, and without the schema: the console imports it too.
import type { Trigger } from './trigger.ts';

const edgeWords = { rising: 'goes on', falling: 'goes off', both: 'goes on or off' } as const;

/** As `when pin motion goes on`; the expression of a trigger of time stays as it is. */
export function triggerWords(trigger: Trigger): string {
  if ('cron' in trigger) return `${trigger.cron}, ${trigger.timeZone ?? "in the fleet's time zone"}`;
  if ('topic' in trigger) {
    const which = trigger.contains === undefined ? '' : ` with ${JSON.stringify(trigger.contains)} in it`;
    return `when a message${which} comes on blackroad/v1/in/${trigger.topic}`;
  }
  if ('webhook' in trigger) return `when webhook ${trigger.webhook} is called`;
  if ('pin' in trigger) return `when pin ${trigger.pin} ${edgeWords[trigger.edge]}`;
  const of = [trigger.node && `node ${trigger.node}`, trigger.agent && `agent ${trigger.agent}`].filter(Boolean);
  return `at the event ${trigger.event}${of.length === 0 ? '' : ` of ${of.join(' and ')}`}`;
}
