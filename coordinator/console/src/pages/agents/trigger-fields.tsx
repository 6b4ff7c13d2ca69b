// The fields of each kind of trigger.
import type { EventTrigger, PinTrigger, TimeTrigger, TopicTrigger, WebhookTrigger } from '@blackroad/protocol';
import { timeZoneFault } from '@blackroad/protocol/cron';
import { wakingEvents } from '@blackroad/protocol/trigger-events';
import { useNow } from '../../data/clock.ts';
import { useNodes, useTotals } from '../../data/live.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { CopyText, SelectField, TextField } from '../../kit/field.tsx';
import { cronInWords, faultInWords } from './cron.ts';

interface Fields<T> {
  trigger: T;
  onTrigger(next: T): void;
}
const minuteMs = 60_000;
function zoneInWords(timeZone: string): string | undefined {
  const fault = timeZoneFault(timeZone);
  return fault ? `Expected ${fault.expected}` : undefined;
}
/** A field that is empty is left out. */
function withText<T extends object, K extends keyof T>(trigger: T, key: K, text: string): T {
  const { [key]: _, ...rest } = trigger;
  return (text === '' ? rest : { ...rest, [key]: text }) as T;
}

export function TimeFields({ trigger, onTrigger }: Fields<TimeTrigger>) {
  const now = useNow(minuteMs);
  const fleetZone = useTotals()?.timeZone;
  const { cron, timeZone } = trigger;
  return (
    <>
      <TextField
        label="Cron"
        value={cron}
        spellCheck={false}
        placeholder="0 8 * * 1-5"
        hint={faultInWords(cron, now) === null ? cronInWords(cron) : undefined}
        fault={faultInWords(cron, now) ?? undefined}
        onChange={(event) => onTrigger({ ...trigger, cron: event.target.value })}
      />
      <TextField
        label="Time zone"
        value={timeZone ?? ''}
        spellCheck={false}
        placeholder={fleetZone ?? ''}
        hint={timeZone === undefined && fleetZone ? `Empty: that of the fleet, ${fleetZone}.` : undefined}
        fault={timeZone === undefined ? undefined : zoneInWords(timeZone)}
        onChange={(event) => onTrigger(withText(trigger, 'timeZone', event.target.value))}
      />
    </>
  );
}

export function TopicFields({ trigger, onTrigger }: Fields<TopicTrigger>) {
  return (
    <>
      <TextField
        label="MQTT topic"
        value={trigger.topic}
        required
        spellCheck={false}
        placeholder="hall/motion"
        hint="Below blackroad/v1/in/. + is any one level, # at the end all below."
        onChange={(event) => onTrigger({ ...trigger, topic: event.target.value })}
      />
      <TextField
        label="Only with this text"
        value={trigger.contains ?? ''}
        spellCheck={false}
        hint="Empty: any message."
        onChange={(event) => onTrigger(withText(trigger, 'contains', event.target.value))}
      />
    </>
  );
}

/** One that is not there yet can be made here; its address is then shown, once. */
export function WebhookFields({ trigger, onTrigger }: Fields<WebhookTrigger>) {
  const may = useMay();
  const known = useRoute('webhooks', {}, { enabled: may('webhooks') }).data;
  const create = useAct('webhookCreate', { stales: ['webhooks', 'audit'] });
  const names = (known ?? []).flatMap(({ name, direction }) => (direction === 'in' ? [name] : []));
  const { webhook } = trigger;
  const isNew = known !== undefined && webhook !== '' && !names.includes(webhook);
  const made = create.data?.name === webhook ? create.data : undefined;
  return (
    <>
      <TextField
        label="Webhook"
        value={webhook}
        required
        spellCheck={false}
        placeholder="doorbell"
        hint={
          isNew
            ? 'There is no webhook of this name yet.'
            : known?.some(({ name, paused }) => name === webhook && paused)
              ? 'It is paused: its calls are refused until it is resumed.'
              : names.length > 0
                ? `There ${names.length === 1 ? 'is' : 'are'} ${names.slice(0, 6).join(', ')}.`
                : undefined
        }
        onChange={(event) => onTrigger({ ...trigger, webhook: event.target.value })}
      />
      <div className="field">
        {isNew && may('webhookCreate') && (
          <Button busy={create.isPending} onClick={() => create.mutate({ body: { direction: 'in', name: webhook } })}>
            Make the webhook {webhook}
          </Button>
        )}
      </div>
      {made?.url && (
        <div className="spec-asked">
          <CopyText text={made.url} label="Copy the address" />
          <p className="dim small">
            It is shown only now: copy it before you leave. Whoever has it can ask this agent.
          </p>
        </div>
      )}
    </>
  );
}

export function EventFields({ trigger, onTrigger }: Fields<EventTrigger>) {
  const { list: nodes } = useNodes();
  const events: readonly string[] = wakingEvents;
  return (
    <>
      <SelectField
        label="Event"
        value={trigger.event}
        options={events.includes(trigger.event) ? events : [trigger.event, ...events]}
        onChange={(event) => onTrigger({ ...trigger, event: event.target.value })}
      />
      <SelectField
        label="Only of node"
        value={trigger.node ?? ''}
        options={[['', 'any'], ...nodes.map(({ id }): [string, string] => [id, id])]}
        onChange={(event) => onTrigger(withText(trigger, 'node', event.target.value))}
      />
    </>
  );
}

export function PinFields({ trigger, onTrigger }: Fields<PinTrigger>) {
  return (
    <>
      <TextField
        label="Pin"
        value={trigger.pin}
        required
        spellCheck={false}
        placeholder="motion"
        hint="As the owner of the node named it."
        onChange={(event) => onTrigger({ ...trigger, pin: event.target.value })}
      />
      <SelectField
        label="Edge"
        value={trigger.edge}
        options={[
          ['rising', 'it goes on'],
          ['falling', 'it goes off'],
          ['both', 'both'],
        ]}
        onChange={(event) => onTrigger({ ...trigger, edge: event.target.value as PinTrigger['edge'] })}
      />
    </>
  );
}
