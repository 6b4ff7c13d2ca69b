// Dead letters, many at once: asked again each becomes a new task; dismissed they need nobody any more.
import type { TaskLine, TaskView } from '@blackroad/protocol';
import { MailX, RotateCcw } from 'lucide-react';
import { call } from '../../data/api.ts';
import { useWork } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
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

/** Tries all of them; tells what came of those that worked, and why the others did not. */
function useEach(
  route: 'taskRetry' | 'taskDismiss',
  doneText: (done: number) => string,
  undo?: (done: TaskView[]) => Promise<unknown>,
) {
  return useWork((ids: string[]) => each(ids, (task) => call(route, { params: { task } })), {
    stales: ['tasks'],
    done: ({ done, problems: [first, ...others] }) => [
      ...(done.length > 0
        ? [{ text: doneText(done.length), tone: 'good' as const, ...(undo ? { undo: () => undo(done) } : {}) }]
        : []),
      ...(first
        ? [{ text: others.length > 0 ? `${first} (and ${others.length} more)` : first, tone: 'bad' as const }]
        : []),
    ],
  });
}

export function DeadLetters({ tasks, clear }: { tasks: readonly TaskLine[]; clear(): void }) {
  const may = useMay();
  const retry = useEach(
    'taskRetry',
    (made) => `${plural(made, 'task')} queued again.`,
    (made) => Promise.allSettled(made.map(({ id }) => call('taskCancel', { params: { task: id } }))),
  );
  const dismiss = useEach('taskDismiss', (gone) => `${plural(gone, 'dead letter')} dismissed; the history keeps them.`);
  const busy = retry.isPending || dismiss.isPending;
  const ids = tasks.map(({ id }) => id);
  return (
    <>
      <Button look="primary" icon={<RotateCcw />} busy={busy} onClick={() => void retry.run(ids).then(clear)}>
        Retry {tasks.length}
      </Button>
      {may('taskDismiss') && (
        <Button icon={<MailX />} busy={busy} onClick={() => void dismiss.run(ids).then(clear)}>
          Dismiss {tasks.length}
        </Button>
      )}
    </>
  );
}
