// Where a webhook that goes out posts, and what: the fields of its form, when it is made and when it is changed.
import { wakingEvents } from '@blackroad/protocol/trigger-events';
import { TextField } from '../../kit/field.tsx';
import { ListField } from '../agents/spec-fields.tsx';

export interface Target {
  url: string;
  /** The coordinator judges the types of events. */
  events: readonly string[];
}

export function TargetFields({ of: target, onTarget }: { of: Target; onTarget(target: Target): void }) {
  const { url, events } = target;
  return (
    <>
      <TextField
        label="Address"
        value={url}
        required
        spellCheck={false}
        hint="With https or http in front. Addresses of private networks are allowed where the coordinator was started with --webhook-hosts private."
        onChange={(event) => onTarget({ ...target, url: event.target.value })}
      />
      <ListField
        label="Events"
        value={events}
        suggestions={wakingEvents}
        onValue={(events) => onTarget({ ...target, events })}
      />
    </>
  );
}
