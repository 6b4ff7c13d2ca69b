// Tasks in a table: the live ones and the pages of older ones as one list.
import type { TaskLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown } from 'lucide-react';
import { type ReactNode, useCallback } from 'react';
import { useTaskPages } from '../../data/task-pages.ts';
import type { TaskFilter } from '../../data/task-rows.ts';
import { Button } from '../../kit/button.tsx';
import { Empty, Failure, Loading } from '../../kit/states.tsx';
import { VirtualTable } from '../../kit/virtual-table.tsx';
import { taskColumns, taskNote } from './task-columns.tsx';

const idOf = ({ id }: TaskLine) => id;

export function TasksTable({
  page,
  filter,
  bulk,
  empty,
  plain = false,
}: {
  /** Where it stands. */
  page: '/tasks' | '/agents/$agent';
  filter: TaskFilter;
  bulk?: (selected: TaskLine[], clear: () => void) => ReactNode;
  empty?: ReactNode;
  plain?: boolean;
}) {
  const { rows, whole, error, retry, older, busy } = useTaskPages(filter);
  const navigate = useNavigate();
  const open = useCallback(
    ({ id }: TaskLine) => void navigate({ to: '/tasks/$task', params: { task: id } }),
    [navigate],
  );
  if (error) return <Failure error={error} retry={retry} />;
  if (!whole) return <Loading lines={8} label="Loading tasks" />;
  return (
    <>
      <VirtualTable<TaskLine>
        id="tasks"
        page={page}
        label="Tasks"
        rows={rows}
        rowId={idOf}
        columns={taskColumns}
        open={open}
        note={taskNote}
        plain={plain}
        {...(bulk ? { bulk } : {})}
        empty={empty ?? <Empty title="No task here" />}
      />
      {older && (
        <p className="tasks-older">
          <Button look="quiet" icon={<ChevronDown />} busy={busy} onClick={older}>
            Older tasks
          </Button>
        </p>
      )}
    </>
  );
}
