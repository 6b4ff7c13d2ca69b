// Verbs for tasks, status, events.
import type { EventType, TaskState, TaskView } from '@blackroad/protocol';
import { actorOf, askerWords, counted, maxPageRows, taskStates } from '@blackroad/protocol';
import { groupEvents } from '@blackroad/protocol/event-groups';
import { argument, numberFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, duration, table } from '../words.ts';
import { agentTable } from './agents.ts';
import { nodeTable } from './nodes.ts';

/** Large enough that the events of one lost node with hundreds of agents do not displace all others. */
const eventsGathered = 500;

function oneTask(task: TaskView, call: VerbCall): string {
  const now = call.clock.nowMs();
  const lines = [
    `${call.paint('bold', task.id)}  ${task.state}`,
    `agent     ${task.agent}`,
    `asked     ${ago(task.createdMs, now)} from ${task.origin}, priority ${task.priority}`,
    `by        ${askerWords(task.by)}`,
    `attempts  ${task.attempt} of ${task.attempts}${task.node ? `, on ${task.node}` : ''}`,
    `prompt    ${task.prompt}`,
  ];
  if (task.waiting) lines.push(call.paint('yellow', `waits     ${task.waiting}`));
  if (task.problem) lines.push(call.paint('red', `problem   ${task.problem.code}: ${task.problem.text}`));
  if (task.usage) {
    const { model, promptTokens, completionTokens, recalled, toolCalls, firstTokenMs, totalMs, costUsd } = task.usage;
    const part = task.usage.partialMemory;
    const cost = costUsd ? `, $${Number(costUsd.toPrecision(3))}` : '';
    lines.push(
      `work      ${model}: ${promptTokens} tokens in, ${completionTokens} out, first after ${duration(firstTokenMs)}, all in ${duration(totalMs)}${cost}`,
      `          ${counted(recalled, 'memory', 'memories')} recalled${part ? ` (of ${part.have} of its ${part.of} entries: the rest was on its way)` : ''}, ${counted(toolCalls, 'tool call')}${task.usage.notRemembered ? ', not remembered: it has as many memories as it may' : ''}`,
    );
  }
  if (task.result !== null) lines.push('', task.result);
  return lines.join('\n');
}

/** The length of a whole id, and the number of newest tasks among which a shorter one is looked up. */
const idLetters = 26;
const searched = 500;
/** The id as typed, or the only id among the newest tasks that begins or ends with it. */
async function taskIdOf(call: VerbCall): Promise<string> {
  const typed = argument(call, 0, '<task>');
  if (typed.length >= idLetters || typed.length < 4) return typed;
  const tasks = await call.client().call('tasks', { query: { limit: searched } });
  const found = tasks.map(({ id }) => id).filter((id) => id.startsWith(typed) || id.endsWith(typed));
  if (found.length > 1)
    throw wrongUse(
      `<task>: ${typed} may be ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', ...' : ''}: give more of it.`,
    );
  return found[0] ?? typed;
}

/** All dead letters, read page by page. */
async function deadLetters(call: VerbCall): Promise<string[]> {
  const agent = textFlag(call, 'agent');
  const ids: string[] = [];
  for (let before: string | undefined; ; ) {
    const query = { dead: true, limit: searched, ...(agent ? { agent } : {}), ...(before ? { before } : {}) };
    const page = await call.client().call('tasks', { query });
    ids.push(...page.map(({ id }) => id));
    before = page.at(-1)?.id;
    if (page.length < searched) return ids;
  }
}

/** For an empty list of one agent or node: throws where none has that name. */
async function checkNames(
  call: VerbCall,
  { node, agent }: { node?: string | undefined; agent?: string | undefined },
): Promise<void> {
  if (node !== undefined) await call.client().call('node', { params: { node } });
  if (agent !== undefined) await call.client().call('agent', { params: { agent } });
}

export const workVerbs: Verb[] = [
  {
    words: 'status',
    args: '',
    text: 'The fleet at a glance.',
    async run(call) {
      const client = call.client();
      const [fleet, nodes, agents] = await Promise.all([
        client.call('fleet'),
        client.call('nodes'),
        client.call('agents'),
      ]);
      call.show(fleet, () => {
        const { online, suspect, lost } = fleet.nodes;
        const lines = [
          `${call.paint('bold', fleet.name)}  ${client.url}  up ${duration(fleet.nowMs - fleet.startedMs)}`,
          `nodes   ${online} online, ${suspect} suspect, ${lost} lost`,
          `agents  ${fleet.agents.ready} ready, ${fleet.agents.starting} starting, ${fleet.agents.unplaced} unplaced, ${fleet.agents.failed} failed`,
          `tasks   ${fleet.tasks.running} running, ${fleet.tasks.queued} queued, ${fleet.tasks.endedLastMinute} ended in the last minute, ${fleet.tasks.deadLetters} dead letters`,
          `memory  ${counted(fleet.memories, 'entry', 'entries')}`,
        ];
        for (const { site, reason } of fleet.moves.where) {
          const release = site === null ? call.as.fleet('release-moves') : call.as.fleet(`release-moves ${site}`);
          lines.push(call.paint('yellow', `moves are frozen: ${reason}. Release them: ${release}`));
        }
        if (fleet.moves.frozen) lines.push(`${counted(fleet.moves.waiting, 'agent')} would have moved by now`);
        const shown = 20;
        if (nodes.length > 0) lines.push('', nodeTable(nodes.slice(0, shown), call));
        if (nodes.length > shown) lines.push(`... and ${nodes.length - shown} more: ${call.as.fleet('nodes')}`);
        if (agents.length > 0) lines.push('', agentTable(agents.slice(0, shown), call));
        if (agents.length > shown) lines.push(`... and ${agents.length - shown} more: ${call.as.fleet('agents')}`);
        return lines.join('\n');
      });
    },
  },
  {
    words: 'release-moves',
    args: '[site]',
    text: 'Lets frozen moves of agents happen now, everywhere or at one site.',
    async run(call) {
      const [site] = call.args;
      const client = call.client();
      const { moves } = await client.call('fleet');
      const isFrozen = moves.where.some((frozen) => site === undefined || frozen.site === null || frozen.site === site);
      await client.call('movesRelease', { body: site === undefined ? {} : { site } });
      const where = site === undefined ? '' : ` at site ${site}`;
      call.show({ released: isFrozen, ...(site === undefined ? {} : { site }) }, () =>
        isFrozen
          ? `Agents of lost nodes${where} move now.`
          : `No moves are frozen${where}; there is nothing to release.`,
      );
    },
  },
  {
    words: 'tasks',
    args: '',
    text: 'List tasks, newest first.',
    flags: {
      state: { type: 'string', value: '<state>', values: taskStates, text: `One of ${taskStates.join(', ')}.` },
      agent: { type: 'string', value: '<agent>', text: 'Only tasks of this agent.' },
      dead: { type: 'boolean', text: 'Only dead letters: failed or expired tasks that wait for a person.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 20 by default.' },
    },
    async run(call) {
      const state = textFlag(call, 'state');
      const agent = textFlag(call, 'agent');
      const query = {
        limit: numberFlag(call, 'limit') ?? 20,
        ...(state ? { state: state as TaskState } : {}),
        ...(agent ? { agent } : {}),
        ...(call.flags.dead ? { dead: true } : {}),
      };
      const tasks = await call.client().call('tasks', { query });
      if (tasks.length === 0) await checkNames(call, { agent });
      const rows = tasks.map((task) => [
        task.id,
        task.agent,
        task.state,
        `${task.attempt}/${task.attempts}`,
        task.node ?? '-',
        ago(task.createdMs, call.clock.nowMs()),
        task.by ? actorOf(task.by) : '-',
        task.problem?.text ?? task.prompt,
      ]);
      call.show(tasks, () =>
        tasks.length === 0
          ? 'No tasks.'
          : table(
              ['TASK', 'AGENT', 'STATE', 'ATTEMPT', 'NODE', 'ASKED', 'BY', 'WHAT'],
              rows,
              call.columns,
              call.paint,
              ['BY'],
            ),
      );
    },
  },
  {
    words: 'tasks show',
    args: '<task>',
    text: 'One task, its work and its result.',
    completes: 'tasks',
    async run(call) {
      const task = await call.client().call('task', { params: { task: await taskIdOf(call) } });
      call.show(task, () => oneTask(task, call));
    },
  },
  {
    words: 'tasks cancel',
    args: '<task>',
    text: 'Cancels a task that has not ended.',
    completes: 'tasks',
    async run(call) {
      const task = await call.client().call('taskCancel', { params: { task: await taskIdOf(call) } });
      call.show(task, () => `${task.id} is ${task.state}.`);
    },
  },
  {
    words: 'tasks retry',
    args: '<task>',
    text: 'Queues a dead letter again.',
    completes: 'tasks',
    async run(call) {
      const task = await call.client().call('taskRetry', { params: { task: await taskIdOf(call) } });
      call.show(task, () => `Queued again as ${task.id}.`);
    },
  },
  {
    words: 'tasks dismiss',
    args: '<task...>',
    text: 'Dismisses dead letters, which then need no person any more. They stay in the history.',
    flags: {
      all: { type: 'boolean', text: 'All present dead letters, or those of --agent.' },
      agent: { type: 'string', value: '<agent>', text: 'With --all: only those of this agent, also of a removed one.' },
    },
    completes: 'tasks',
    async run(call) {
      const ids = call.flags.all ? await deadLetters(call) : [await taskIdOf(call), ...call.args.slice(1)];
      const client = call.client();
      for (const task of ids) await client.call('taskDismiss', { params: { task } });
      call.show({ dismissed: ids }, () =>
        ids.length === 0
          ? 'There is no dead letter; there is nothing to dismiss.'
          : `${counted(ids.length, 'dead letter')} dismissed.`,
      );
    },
  },
  {
    words: 'events',
    args: '',
    text: 'What happened in the fleet, newest first.',
    flags: {
      node: { type: 'string', value: '<node>', text: 'Only of this node.' },
      agent: { type: 'string', value: '<agent>', text: 'Only of this agent.' },
      type: { type: 'string', value: '<type>', text: 'Only of this type, as `agent-moved`; docs/protocol.md has all.' },
      limit: { type: 'string', short: 'n', value: '<count>', text: 'How many; 30 by default.' },
    },
    async run(call) {
      const node = textFlag(call, 'node');
      const agent = textFlag(call, 'agent');
      const type = textFlag(call, 'type');
      const limit = numberFlag(call, 'limit') ?? 30;
      // Alike events become one line, so more are fetched than are shown.
      const asked = limit >= 1 && limit <= maxPageRows ? Math.max(limit, eventsGathered) : limit;
      const found = await call.client().call('events', {
        query: {
          limit: asked,
          ...(node ? { node } : {}),
          ...(agent ? { agent } : {}),
          ...(type ? { type: type as EventType } : {}),
        },
      });
      const events = found.slice(0, limit);
      if (events.length === 0) await checkNames(call, { node, agent });
      const rows = groupEvents(found)
        .slice(0, limit)
        .map((event) => [
          ago(event.atMs, call.clock.nowMs()),
          event.severity,
          event.node ?? '-',
          event.agent ?? '-',
          event.text,
        ]);
      call.show(events, () =>
        events.length === 0
          ? 'There are no events yet.'
          : table(['WHEN', 'SEVERITY', 'NODE', 'AGENT', 'WHAT'], rows, call.columns, call.paint),
      );
    },
  },
];
