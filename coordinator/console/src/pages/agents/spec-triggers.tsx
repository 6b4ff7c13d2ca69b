// When an agent wakes by itself: a cron expression, said back in words, the zone it is meant in, and what it is then asked.
import type { Trigger } from '@blackroad/protocol';
import { timeZoneFault } from '@blackroad/protocol/cron';
import { Plus, Trash2 } from 'lucide-react';
import { useNow } from '../../data/clock.ts';
import { useTotals } from '../../data/live.ts';
import { Button, IconButton } from '../../kit/button.tsx';
import { TextField } from '../../kit/field.tsx';
import { cronInWords, faultInWords } from './cron.ts';

const minuteMs = 60_000;
/** A field that is set to undefined is left out. */
function changed(trigger: Trigger, change: { [F in keyof Trigger]?: Trigger[F] | undefined }): Trigger {
  const { cron, prompt, timeZone } = { ...trigger, ...change };
  return { cron: cron ?? '', prompt: prompt ?? '', ...(timeZone === undefined ? {} : { timeZone }) };
}
function zoneInWords(timeZone: string): string | undefined {
  const fault = timeZoneFault(timeZone);
  return fault ? `Expected ${fault.expected}` : undefined;
}

export function TriggerFields({
  triggers,
  onTriggers,
  fault,
}: {
  triggers: readonly Trigger[];
  onTriggers(triggers: Trigger[]): void;
  fault: string | undefined;
}) {
  const now = useNow(minuteMs);
  const fleetZone = useTotals()?.timeZone;
  const put = (at: number, change: { [F in keyof Trigger]?: Trigger[F] | undefined }) =>
    onTriggers(triggers.map((trigger, i) => (i === at ? changed(trigger, change) : trigger)));
  return (
    <fieldset className="spec-group">
      <legend>Triggers</legend>
      {triggers.map(({ cron, prompt, timeZone }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: triggers have no name; their place is what tells them apart
        <div key={i} className="spec-trigger">
          <TextField
            label="Cron"
            value={cron}
            spellCheck={false}
            placeholder="0 8 * * 1-5"
            hint={faultInWords(cron, now) === null ? cronInWords(cron) : undefined}
            fault={faultInWords(cron, now) ?? undefined}
            onChange={(event) => put(i, { cron: event.target.value })}
          />
          <TextField
            label="Time zone"
            value={timeZone ?? ''}
            spellCheck={false}
            placeholder={fleetZone ?? ''}
            hint={timeZone === undefined && fleetZone ? `Empty: that of the fleet, ${fleetZone}.` : undefined}
            fault={timeZone === undefined ? undefined : zoneInWords(timeZone)}
            onChange={(event) => put(i, { timeZone: event.target.value === '' ? undefined : event.target.value })}
          />
          <TextField
            label="What it is asked"
            value={prompt}
            onChange={(event) => put(i, { prompt: event.target.value })}
          />
          <IconButton
            label={`Remove trigger ${i + 1}`}
            onClick={() => onTriggers(triggers.filter((_, other) => other !== i))}
          >
            <Trash2 />
          </IconButton>
        </div>
      ))}
      {fault && (
        <p className="bad small" role="alert">
          {fault}
        </p>
      )}
      <div>
        <Button icon={<Plus />} onClick={() => onTriggers([...triggers, { cron: '0 8 * * *', prompt: '' }])}>
          Add a trigger
        </Button>
      </div>
    </fieldset>
  );
}
