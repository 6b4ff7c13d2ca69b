// One action of an alert or of a fix, as a button or a link. It is not shown without the permission.
import type { AlertAction } from '@blackroad/protocol';
import { useWork } from '../data/query.ts';
import { useMay } from '../data/session.tsx';
import { Button, LinkButton } from '../kit/button.tsx';
import { ConfirmButton } from '../kit/overlay.tsx';
import { type Act, acts, type Look, type Subject } from './acts.tsx';
import { DrainButton } from './drain-button.tsx';

export function ActButton({ action }: { action: AlertAction }) {
  const { verb, label, node = '', agent = '', model = '', site } = action;
  const subject = { node, agent, model, site };
  const allowed = useMay();
  const row: Look | Act = acts[verb];
  if (row.may && !allowed(row.may)) return null;
  if ('run' in row) return <DoButton act={row} subject={subject} label={label} />;
  return (
    <LinkButton {...row.link(subject)} icon={row.icon}>
      {label}
    </LinkButton>
  );
}

function DoButton({ act, subject, label }: { act: Act; subject: Subject; label: string }) {
  const { run, done, confirm, undo } = act;
  const work = useWork(run, done ? { done: (_, of) => done(of) } : {});
  if (undo)
    return (
      <DrainButton nodes={[subject.node]} drain={() => run(subject)} undo={() => undo(subject)}>
        {label}
      </DrainButton>
    );
  if (confirm)
    return (
      <ConfirmButton {...confirm(subject)} act={() => work.run(subject)}>
        {label}
      </ConfirmButton>
    );
  return <Button onClick={() => work.mutate(subject)}>{label}</Button>;
}
