// Dead letters, many at once: asked again each becomes a new task; dismissed they need nobody any more.
import type { TaskLine, TaskView } from '@blackroad/protocol';
import { useQueryClient } from '@tanstack/react-query';
import { MailX, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../data/api.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { say } from '../../kit/toasts.tsx';
import { plural, wordsOf } from '../../kit/words.ts';

/** Requests under way at once: the coordinator decides in batches, a browser holds six lines. */
const atOnce = 4;

/** All are tried; the answer says what came of those that worked, and the words of those that did not. */
async function each<T>(
  ids: readonly string[],
  run: (id: string) => Promise<T>,
): Promise<{ done: T[]; problems: string[] }> {
  const done: T[] = [];
  const problems: string[] = [];
  const rest = [...ids];
  const work = async () => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
      try {
        done.push(await run(id));
      } catch (error) {
        problems.push(wordsOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { done, problems };
}

export function DeadLetters({ tasks, clear }: { tasks: readonly TaskLine[]; clear(): void }) {
  const [busy, setBusy] = useState(false);
  const may = useMay();
  const client = useQueryClient();
  const act = async (route: 'taskRetry' | 'taskDismiss', told: (done: TaskView[]) => void) => {
    setBusy(true);
    const ids = tasks.map(({ id }) => id);
    const { done, problems } = await each(ids, (task) => call(route, { params: { task } }));
    setBusy(false);
    clear();
    void client.invalidateQueries({ queryKey: ['tasks'] });
    if (done.length > 0) told(done);
    const [first] = problems;
    if (first) say({ text: problems.length > 1 ? `${first} (and ${problems.length - 1} more)` : first, tone: 'bad' });
  };
  const retry = () =>
    act('taskRetry', (made) =>
      say({
        text: `${plural(made.length, 'task')} queued again.`,
        undo: () => Promise.allSettled(made.map(({ id }) => call('taskCancel', { params: { task: id } }))),
      }),
    );
  const dismiss = () =>
    act('taskDismiss', (gone) =>
      say({ text: `${plural(gone.length, 'dead letter')} dismissed; the history keeps them.` }),
    );
  return (
    <>
      <Button look="primary" icon={<RotateCcw />} busy={busy} onClick={() => void retry()}>
        Retry {tasks.length}
      </Button>
      {may('taskDismiss') && (
        <Button icon={<MailX />} busy={busy} onClick={() => void dismiss()}>
          Dismiss {tasks.length}
        </Button>
      )}
    </>
  );
}
