// When an agent wakes by itself: the kind of each trigger with the fields of that kind, and what the agent is then asked. What the form does
// not show of a trigger, as its rest, stays as it is.
import type { Trigger } from '@blackroad/protocol';
import { kindOfTrigger, type TriggerKind } from '@blackroad/protocol/trigger-kinds';
import { Plus, Trash2 } from 'lucide-react';
import { Button, IconButton } from '../../kit/button.tsx';
import { SelectField, TextArea } from '../../kit/field.tsx';
import { EventFields, PinFields, TimeFields, TopicFields, WebhookFields } from './trigger-fields.tsx';

const kindWords: Record<TriggerKind, string> = {
  cron: 'at times',
  topic: 'on an MQTT message',
  webhook: 'when a webhook is called',
  event: 'on an event of the fleet',
  pin: 'when a pin changes',
};
const fresh: Record<TriggerKind, (prompt: string) => Trigger> = {
  cron: (prompt) => ({ cron: '0 8 * * *', prompt }),
  topic: (prompt) => ({ topic: '', prompt: prompt || 'This came on {{topic}}:\n{{payload}}' }),
  webhook: (prompt) => ({ webhook: '', prompt: prompt || 'This came:\n{{payload}}' }),
  event: (prompt) => ({ event: 'node-lost', prompt: prompt || 'This happened:\n{{payload}}' }),
  pin: (prompt) => ({ pin: '', edge: 'rising', prompt }),
};
const fieldsOf = {
  cron: TimeFields,
  topic: TopicFields,
  webhook: WebhookFields,
  event: EventFields,
  pin: PinFields,
} as const;
/** The fields are chosen by the kind of the trigger that they get. */
type AnyFields = (props: { trigger: Trigger; onTrigger(next: Trigger): void }) => React.ReactNode;

export function TriggerFields({
  triggers,
  onTriggers,
  fault,
}: {
  triggers: readonly Trigger[];
  onTriggers(triggers: Trigger[]): void;
  fault: string | undefined;
}) {
  const put = (at: number, next: Trigger) => onTriggers(triggers.map((trigger, i) => (i === at ? next : trigger)));
  return (
    <fieldset className="spec-group">
      <legend>Triggers</legend>
      {triggers.map((trigger, i) => {
        const kind = kindOfTrigger(trigger);
        const Fields = fieldsOf[kind] as unknown as AnyFields;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: triggers have no name; their place is what tells them apart
          <div key={i} className="spec-trigger">
            <SelectField
              label="It wakes"
              value={kind}
              options={Object.entries(kindWords)}
              onChange={(event) => put(i, fresh[event.target.value as TriggerKind](trigger.prompt))}
            />
            <Fields trigger={trigger} onTrigger={(next) => put(i, next)} />
            <IconButton
              label={`Remove trigger ${i + 1}`}
              onClick={() => onTriggers(triggers.filter((_, other) => other !== i))}
            >
              <Trash2 />
            </IconButton>
            <div className="spec-asked">
              <TextArea
                label="What it is asked"
                rows={2}
                value={trigger.prompt}
                onChange={(event) => put(i, { ...trigger, prompt: event.target.value })}
              />
            </div>
          </div>
        );
      })}
      {fault && (
        <p className="bad small" role="alert">
          {fault}
        </p>
      )}
      <div>
        <Button icon={<Plus />} onClick={() => onTriggers([...triggers, fresh.cron('')])}>
          Add a trigger
        </Button>
      </div>
    </fieldset>
  );
}
