// The channels of single things: a node, an agent or a task, sent whole, while a console looks at it. A channel is opened when the first
// console asks and closed when the last one has left; a console that comes back gets it anew. In: marks. Out: bytes.
import { defaultSpace, readChannel, type TaskView } from '@blackroad/protocol';
import { agentIdOf, type View } from '../../state/view.ts';
import { showAgent, showNode, showTask } from '../show.ts';
import { type FeedTableState, Table } from './table.ts';

/** The limit of ended tasks that were asked for and not opened yet. */
const maxWaitingEnds = 100;

export interface Details {
  table(channel: string): FeedTableState | null;
  /** False: the thing does not exist. */
  open(channel: string): boolean;
  close(channel: string): void;
  channels(): Iterable<string>;
  mark(channel: string): void;
  /** Notes an ended task; `asked`: it ended earlier, and is about to be opened. */
  end(task: TaskView, asked?: boolean): void;
}

/** Numbers begin anew each time it is opened, so that no console can continue from an earlier opening. */
class Detail extends Table<object> {
  override since(): null {
    return null;
  }
}

export function createDetails(view: View, epoch: string): Details {
  const open = new Map<string, FeedTableState>();
  const ends = new Map<string, TaskView>();

  function show(kind: string, of: string): object | null {
    if (kind === 'node') return showNode(view, of);
    if (kind === 'agent') return showAgent(view, agentIdOf(view, defaultSpace, of) ?? '');
    const live = view.tasks.get(of);
    return live ? showTask(view, live) : (ends.get(of) ?? null);
  }
  return {
    table: (channel) => open.get(channel) ?? null,
    open(channel) {
      if (open.has(channel)) return true;
      const about = readChannel(channel);
      if (!about || about.of === null || show(about.table, about.of) === null) return false;
      const { table, of } = about;
      const key = table === 'agent' ? 'name' : 'id';
      open.set(channel, new Detail({ channel, epoch, key, ids: () => [of], line: () => show(table, of), whole: true }));
      return true;
    },
    close(channel) {
      open.delete(channel);
      if (channel.startsWith('task:')) ends.delete(channel.slice(5));
    },
    channels: () => [...open.keys()],
    mark(channel) {
      const state = open.get(channel);
      if (state) state.mark(channel.slice(channel.indexOf(':') + 1));
    },
    end(task, asked = false) {
      const channel = `task:${task.id}`;
      if (!asked && !open.has(channel)) return;
      ends.set(task.id, task);
      if (ends.size > maxWaitingEnds)
        for (const id of ends.keys()) {
          if (open.has(`task:${id}`)) continue;
          ends.delete(id);
          break;
        }
      open.get(channel)?.mark(task.id);
    },
  };
}
