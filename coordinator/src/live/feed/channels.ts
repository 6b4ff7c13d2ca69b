// The content of the feed's channels: a table of rows for each of nodes, agents, tasks, events, alerts and totals, and the channels of
// single things. In: the rows that batches touched. Out: the frames of a beat, and tables from which snapshots are taken. It has no access
// to consoles, and reads the store only for an ended task whose channel is asked for.
import {
  type AgentLine,
  type Alert,
  defaultSpace,
  type FeedTable,
  type FleetEvent,
  type NodeLine,
  type TaskLine,
  type TaskView,
} from '@blackroad/protocol';
import type { EndedTask, TaskRow } from '../../state/rows.ts';
import type { Touched } from '../../state/touched.ts';
import { agentIdOf, agentNameOf, type View } from '../../state/view.ts';
import type { Store } from '../../store/store.ts';
import type { AlertBoard } from '../alert-board.ts';
import { branchCounts, showEvent, showTask } from '../show.ts';
import type { Tally } from '../tally.ts';
import { createDetails, type Details } from './details.ts';
import { agentLine, nodeLine, taskLine } from './lines.ts';
import { createRecent, type Recent } from './recent.ts';
import { type FeedTableState, Table } from './table.ts';

export interface ChannelsParts {
  view: View;
  store: Store;
  epoch: string;
  tally: Tally;
  alerts: AlertBoard;
  totals: () => object;
}
/** Rows from before the feed began, oldest first. */
interface Past {
  tasks: readonly (TaskRow | EndedTask)[];
  events: readonly FleetEvent[];
}
type ChannelTable = Omit<FeedTableState, 'mark'>;

export class Channels {
  readonly #parts: ChannelsParts;
  readonly #nodes: Table<NodeLine>;
  readonly #agents: Table<AgentLine>;
  readonly #alerts: Table<Alert>;
  readonly #totals: Table<object>;
  readonly #tasks: Recent<TaskLine>;
  readonly #events: Recent<FleetEvent>;
  readonly #tables: Record<FeedTable, ChannelTable>;
  readonly #details: Details;
  /** Consoles address an agent by its name, as people do. */
  readonly #names: Map<string, string>;
  #branches: ReadonlyMap<string, number>;
  #frozen: View['frozen'];
  #beats = 0;

  constructor(parts: ChannelsParts, past: Past) {
    const { view, epoch, alerts } = parts;
    this.#parts = parts;
    this.#names = new Map(Array.from(view.agents.values(), ({ id, spec }) => [id, spec.name]));
    this.#branches = branchCounts(view);
    this.#frozen = view.frozen;
    this.#nodes = new Table({
      channel: 'nodes',
      epoch,
      key: 'id',
      ids: () => view.nodes.keys(),
      line: (id, before) => nodeLine(view, id, before),
    });
    this.#agents = new Table({
      channel: 'agents',
      epoch,
      key: 'name',
      ids: () => this.#names.values(),
      line: (name) => agentLine(view, agentIdOf(view, defaultSpace, name) ?? '', this.#branches),
    });
    this.#alerts = new Table({
      channel: 'alerts',
      epoch,
      key: 'id',
      ids: () => alerts.alerts().map(({ id }) => id),
      line: (id) => alerts.alert(id),
    });
    this.#totals = totalsTable(epoch, parts.totals);
    this.#tasks = createRecent(
      { channel: 'tasks', epoch },
      past.tasks.map((row) => [row.id, taskLine(view, row)]),
    );
    this.#events = createRecent(
      { channel: 'events', epoch },
      past.events.map((event) => [String(event.id), showEvent(view, event)]),
    );
    this.#tables = {
      totals: this.#totals,
      nodes: this.#nodes,
      agents: this.#agents,
      tasks: this.#tasks,
      events: this.#events,
      alerts: this.#alerts,
    };
    this.#details = createDetails(view, epoch);
  }

  /** Null: the channel of a single thing that no console has opened. */
  table(channel: string): ChannelTable | null {
    return this.#tables[channel as FeedTable] ?? this.#details.table(channel);
  }

  /** Opens the channel of a single thing; false: the thing does not exist. */
  open(channel: string): boolean {
    return this.#details.open(channel);
  }

  /** Reads a task that has ended, so that its channel can be opened. */
  async findTask(id: string): Promise<void> {
    const { view, store } = this.#parts;
    if (view.tasks.has(id)) return;
    const row = await store.task(id);
    const task: TaskView | null = row && showTask(view, row);
    if (task && !view.tasks.has(id)) this.#details.end(task, true);
  }

  /** `touched`: the rows of a batch, and the agents whose state depends on them. */
  note(touched: Touched, followers: readonly string[]): void {
    const { view, tally } = this.#parts;
    for (const id of touched.nodes) {
      this.#nodes.mark(id);
      this.#details.mark(`node:${id}`);
    }
    for (const id of touched.agents) this.#markAgent(id);
    for (const id of followers) this.#markAgent(id);
    for (const id of touched.tasks) {
      const row = view.tasks.get(id);
      if (!row) continue;
      this.#tasks.add(id, taskLine(view, row));
      if (row.node !== null) this.#nodes.mark(row.node);
      this.#details.mark(`task:${id}`);
    }
    for (const row of touched.ended) {
      this.#tasks.add(row.id, taskLine(view, row));
      if (row.node !== null) this.#nodes.mark(row.node);
      this.#details.end(showTask(view, row));
    }
    for (const event of touched.events) this.#events.add(String(event.id), showEvent(view, event));
    if (this.#frozen !== view.frozen) {
      this.#frozen = view.frozen;
      // The reason why they wait has another text now.
      for (const id of tally.agentsIn('waiting')) this.#agents.mark(agentNameOf(view, id));
    }
  }
  #markAgent(id: string): void {
    const row = this.#parts.view.agents.get(id);
    this.#noteName(id, row?.spec.name);
    const node = row?.placement?.node;
    // The node's counts of agents and of their tasks.
    if (node !== undefined) this.#nodes.mark(node);
  }
  /** The row under the old name of a renamed agent ends; recent tasks and events stay its own under the new name. */
  #noteName(id: string, name: string | undefined): void {
    const was = this.#names.get(id);
    if (was !== undefined) this.#markName(was);
    if (name === undefined) this.#names.delete(id);
    if (name === was || name === undefined) return;
    this.#names.set(id, name);
    this.#markName(name);
    if (was === undefined) return;
    this.#tasks.amend((row) => (row.agent === was ? { ...row, agent: name } : null));
    this.#events.amend((row) => (row.agent === was ? { ...row, agent: name } : null));
  }
  #markName(name: string): void {
    this.#agents.mark(name);
    this.#details.mark(`agent:${name}`);
  }

  /** Called at every beat, also without a console: the board then takes back acknowledgements of alerts that ended. */
  lookAtAlerts(): void {
    for (const id of this.#parts.alerts.refresh()) this.#alerts.mark(id);
  }

  /** The frames of all changes since the last beat, by channel. */
  beat(wanted: ReadonlySet<string>, asOfMs: number): Map<string, Buffer> {
    const { view } = this.#parts;
    this.#branches = branchCounts(view);
    // While moves are frozen, the waiting agents are counted anew each time, so once a second is enough.
    if (view.frozen.length === 0 || this.#beats++ % 4 === 0) this.#totals.mark('');
    const frames = new Map<string, Buffer>();
    for (const channel of wanted) {
      const frame = this.table(channel)?.beat(asOfMs);
      if (frame) frames.set(channel, frame);
    }
    return frames;
  }

  /** Forgets the parts of snapshots that were made, and closes the channels of single things that no console listens to. */
  endBeat(wanted: ReadonlySet<string>): void {
    for (const channel of wanted) this.table(channel)?.forgetParts();
    for (const channel of this.#details.channels()) if (!wanted.has(channel)) this.#details.close(channel);
  }

  cool(): void {
    for (const table of Object.values(this.#tables)) table.cool();
  }
}

function totalsTable(epoch: string, totals: () => object): Table<object> {
  return new Table({
    channel: 'totals',
    epoch,
    key: '',
    ids: () => [''],
    line: (_, before: object | undefined) => {
      const now = totals();
      const { nowMs } = now as { nowMs: number };
      return before && JSON.stringify({ ...before, nowMs }) === JSON.stringify(now) ? before : now;
    },
    whole: true,
  });
}
