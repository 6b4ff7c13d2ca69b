// Gives an agent another name. Nodes use its id, so its work, memory and tasks do not change.
import type { AgentView } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { TextField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';

export function RenameAgent({ agent: { name: was } }: { agent: AgentView }) {
  const may = useMay();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(was);
  const rename = useAct('agentRename', {
    stales: ['agentVersions', 'audit'],
    done: ({ name: now }) => `${was} is called ${now} from now on.`,
  });
  if (!may('agentRename')) return null;
  const change = (now: boolean) => {
    setOpen(now);
    setName(was);
    if (!now) rename.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const to = { to: '/agents/$agent', params: { agent: name.trim() } } as const;
    rename.mutate({ params: { agent: was }, body: { name: name.trim() } }, { onSuccess: () => void navigate(to) });
  };
  return (
    <>
      <Button onClick={() => change(true)}>Rename</Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title={`Rename ${was}`}
        text="Its memory, its tasks and what it does now stay as they are. Programs that ask it over MQTT or the API must use the new name, and what it publishes comes under the new name."
      >
        <form className="stack" onSubmit={submit}>
          <TextField
            label="Name"
            value={name}
            required
            maxLength={63}
            autoComplete="off"
            hint="Lower-case letters, digits and dashes."
            onChange={(event) => setName(event.target.value)}
          />
          <FormEnd
            verb="Rename"
            busy={rename.isPending}
            disabled={name.trim() === was}
            onCancel={() => change(false)}
          />
        </form>
      </Dialog>
    </>
  );
}
