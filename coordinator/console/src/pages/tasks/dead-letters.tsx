// Dead letters asked again, many at once: each becomes a new task, and the letter stays as it was.
import type { TaskLine } from '@blackroad/protocol';
import { useQueryClient } from '@tanstack/react-query';
import { RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { call, wordsOf } from '../../data/api.ts';
import { Button } from '../../kit/button.tsx';
import { say } from '../../kit/toasts.tsx';
import { plural } from '../../kit/words.ts';

/** Requests under way at once: the coordinator decides in batches, a browser holds six lines. */
const atOnce = 4;

/** All are tried; the answer says which became tasks, and the words of those that did not. */
async function retryAll(ids: readonly string[]): Promise<{ made: string[]; problems: string[] }> {
  const made: string[] = [];
  const problems: string[] = [];
  const rest = [...ids];
  const work = async () => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
      try {
        made.push((await call('taskRetry', { params: { task: id } })).id);
      } catch (error) {
        problems.push(wordsOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { made, problems };
}

export function DeadLetters({ tasks, clear }: { tasks: readonly TaskLine[]; clear(): void }) {
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const retry = async () => {
    setBusy(true);
    const { made, problems } = await retryAll(tasks.map(({ id }) => id));
    setBusy(false);
    clear();
    void client.invalidateQueries({ queryKey: ['tasks'] });
    if (made.length > 0) {
      say({
        text: `${plural(made.length, 'task')} queued again.`,
        undo: () => Promise.allSettled(made.map((task) => call('taskCancel', { params: { task } }))),
      });
    }
    const [first] = problems;
    if (first) say({ text: problems.length > 1 ? `${first} (and ${problems.length - 1} more)` : first, tone: 'bad' });
  };
  return (
    <Button look="primary" icon={<RotateCcw />} busy={busy} onClick={retry}>
      Retry {tasks.length}
    </Button>
  );
}
