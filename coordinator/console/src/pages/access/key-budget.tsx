// The budget of a key: shown in its row, and changed in a dialog.
import type { KeyView } from '@blackroad/protocol';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { type BudgetDraft, BudgetFields, BudgetMeters, budgetOf } from '../../fleet/budget.tsx';
import { Button } from '../../kit/button.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';

export function KeyBudget({ of: key }: { of: KeyView }) {
  return (
    <div className="key-budget">
      {key.budget ? <BudgetMeters budget={key.budget} /> : <span className="dim">no limit, no money</span>}
      <ChangeBudget of={key} />
    </div>
  );
}

function ChangeBudget({ of: key }: { of: KeyView }) {
  const may = useMay();
  const [open, setOpen] = useState(false);
  if (!may('keyBudget')) return null;
  return (
    <>
      <Button look="quiet" aria-label={`Change the budget of ${key.name}`} onClick={() => setOpen(true)}>
        Change
      </Button>
      {open && <BudgetDialog of={key} onClose={() => setOpen(false)} />}
    </>
  );
}

function BudgetDialog({ of: key, onClose }: { of: KeyView; onClose(): void }) {
  const [draft, setDraft] = useState<BudgetDraft>(() => draftOf(key));
  const stales = ['keys', 'budgets', 'audit'] as const;
  const set = useAct('keyBudget', { done: () => `The budget of ${key.name} is set.`, stales: [...stales] });
  const remove = useAct('keyBudgetRemove', { done: () => `${key.name} has no budget any more.`, stales: [...stales] });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const params = { id: key.id };
    const body = budgetOf(draft);
    if (body) set.mutate({ params, body }, { onSuccess: onClose });
    else remove.mutate({ params }, { onSuccess: onClose });
  };
  return (
    <Dialog
      open
      onOpenChange={(now) => !now && onClose()}
      title={`The budget of ${key.name}`}
      text="What is used stays counted when an amount changes; another period begins anew. Without an amount nothing is limited, and nothing is paid."
    >
      <form className="stack" onSubmit={submit}>
        <BudgetFields draft={draft} onDraft={setDraft} unpaid="none" />
        <FormEnd verb="Save" busy={set.isPending || remove.isPending} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
function draftOf({ budget }: KeyView): BudgetDraft {
  if (!budget) return {};
  const { usd, tokens, per } = budget;
  return { ...(usd === null ? {} : { usd }), ...(tokens === null ? {} : { tokens }), per };
}
