// Makes a key and shows it once.
import type { Role } from '@blackroad/protocol';
import { roles, roleTable } from '@blackroad/protocol/permissions';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { type BudgetDraft, BudgetFields, budgetOf } from '../../fleet/budget.tsx';
import { CopyText, SelectField, TextField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { ShownOnce } from '../../kit/shown-once.tsx';

const choices = roles.map((role): [role: Role, text: string] => [role, `${role}: ${roleTable[role].text}`]);

export function CreateKey({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [budget, setBudget] = useState<BudgetDraft>({});
  const create = useAct('keyCreate', { stales: ['keys', 'audit'] });
  const made = create.data;
  const change = (now: boolean) => {
    onOpenChange(now);
    if (now) return;
    create.reset();
    setName('');
    setRole('viewer');
    setBudget({});
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const limits = budgetOf(budget);
    create.mutate({ body: { name: name.trim(), role, ...(limits ? { budget: limits } : {}) } });
  };
  if (made) {
    return (
      <ShownOnce
        title={`The key of ${made.name}`}
        text="Copy it now: it is kept as a hash alone, and nobody can show it again."
        onDone={() => change(false)}
      >
        <CopyText text={made.key} label="Copy the key" />
        <p className="dim small">
          A person signs in to this console with it; a program sends it to the API of the fleet as{' '}
          <code>Authorization: Bearer</code> and the key.
        </p>
      </ShownOnce>
    );
  }
  return (
    <Dialog open={open} onOpenChange={change} title="Create a key">
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Name"
          value={name}
          required
          maxLength={63}
          autoComplete="off"
          placeholder="ada, kitchen-tablet"
          hint="Whose it is; the audit names it."
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label="Role"
          value={role}
          options={choices}
          onChange={(event) => setRole(event.target.value as Role)}
        />
        <details>
          <summary>Budget: how much it may use and spend</summary>
          <BudgetFields draft={budget} onDraft={setBudget} unpaid="none" />
        </details>
        <FormEnd verb="Create" busy={create.isPending} onCancel={() => change(false)} />
      </form>
    </Dialog>
  );
}
