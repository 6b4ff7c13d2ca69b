// When an agent wakes by itself: a cron expression, said back in words, and what it is then asked.
import type { Trigger } from '@blackroad/protocol';
import { Plus, Trash2 } from 'lucide-react';
import { Button, IconButton } from '../../kit/button.tsx';
import { TextField } from '../../kit/field.tsx';
import { cronInWords } from './cron.ts';

export function TriggerFields({
  triggers,
  onTriggers,
  fault,
}: {
  triggers: readonly Trigger[];
  onTriggers(triggers: Trigger[]): void;
  fault: string | undefined;
}) {
  const put = (at: number, change: Partial<Trigger>) =>
    onTriggers(triggers.map((trigger, i) => (i === at ? { ...trigger, ...change } : trigger)));
  return (
    <fieldset className="spec-group">
      <legend>Triggers</legend>
      {triggers.map(({ cron, prompt }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: triggers have no name; their place is what tells them apart
        <div key={i} className="spec-trigger">
          <TextField
            label="Cron"
            value={cron}
            spellCheck={false}
            placeholder="0 8 * * 1-5"
            hint={cronInWords(cron)}
            onChange={(event) => put(i, { cron: event.target.value })}
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
