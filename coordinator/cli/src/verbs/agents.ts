// Verbs for agents: apply, list, show with the reason for the node, versions, remove; ask.
import {
  type AgentView,
  type BudgetView,
  budgetInWords,
  budgetLine,
  counted,
  FleetError,
  isEnd,
  type TaskChunk,
  type TaskStreamEvent,
  type TaskView,
} from '@blackroad/protocol';
import { triggerWords } from '@blackroad/protocol/trigger-words';
import { writingSpeed } from '@blackroad/protocol/writing-speed';
import { explainScreen } from '../explain-screen.ts';
import { fixWithCommands } from '../fix-words.ts';
import type { Invocation } from '../invocation.ts';
import { readAgents } from '../read-agents.ts';
import { firstAgentFile } from '../up/first-agent.ts';
import { argument, secondsFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, byName, duration, type Paint, table } from '../words.ts';
import { conversationFor } from './conversations.ts';

function sharedWords({ scope = 'own', team }: AgentView['spec']['memory']): string {
  return scope === 'own' ? '' : scope === 'team' ? `, shared with team ${team}` : ', shared with the fleet';
}

function agentWord(agent: AgentView, paint: Paint): string {
  return paint(
    agent.state === 'ready' ? 'green' : agent.state === 'unplaced' || agent.state === 'failed' ? 'red' : 'yellow',
    agent.state,
  );
}
/** The node and the reason in one phrase; for an unplaced agent the fix. */
function whyWords(agent: AgentView, as: Invocation): string {
  if (agent.unplaced && agent.node === null)
    return `${agent.unplaced.text}; to fix it: ${fixWithCommands(agent.unplaced.fix, as)}`;
  if (agent.reason) return agent.reason;
  const said = agent.why?.scores.filter(({ name }) => name === 'residency' || name === 'speed') ?? [];
  return said.map(({ text }) => text).join(', ');
}
export function agentTable(agents: AgentView[], call: Pick<VerbCall, 'columns' | 'paint' | 'as'>): string {
  const sorted = agents.toSorted((a, b) => byName(a.name, b.name));
  const rows = sorted.map((agent) => [
    agent.name,
    agentWord(agent, call.paint),
    agent.node ?? '-',
    agent.model ?? '-',
    `${agent.tasks.running} running, ${agent.tasks.waiting} waiting`,
    String(agent.memory.seq),
    whyWords(agent, call.as),
  ]);
  return table(
    ['AGENT', 'STATE', 'NODE', 'MODEL', 'TASKS', 'MEMORIES', 'WHY (WHEN PLACED)'],
    rows,
    call.columns,
    call.paint,
    ['MEMORIES', 'TASKS'],
  );
}

function oneAgent(agent: AgentView, budget: BudgetView | null, call: VerbCall): string {
  const { paint } = call;
  const lines = [
    `${paint('bold', agent.name)}  ${agentWord(agent, paint)}  ${agent.reason ?? ''}`,
    `description  ${agent.spec.description ?? '-'}`,
    `version      ${agent.version}${agent.placedMs === null ? '' : `, on ${agent.node} for ${duration(call.clock.nowMs() - agent.placedMs)}`}`,
    `wants        ${agent.spec.model.join(', then ')}`,
    `node         ${agent.node ?? 'none'}${agent.node ? ` under epoch ${agent.epoch}, with ${agent.model}` : ''}`,
    ...agent.spec.triggers.map((trigger, i) => `${i === 0 ? 'wakes' : '     '}        ${triggerWords(trigger)}`),
    `tasks        ${agent.tasks.running} running, ${agent.tasks.waiting} waiting`,
    ...(budget ? [`budget       ${budgetInWords(budget)}: ${budgetLine(budget)}`] : []),
    `memory       ${counted(agent.memory.seq, 'entry', 'entries')}, head ${agent.memory.hash.slice(0, 12)}${agent.memory.branches > 0 ? `, ${counted(agent.memory.branches, 'branch', 'branches')} to merge` : ''}${sharedWords(agent.spec.memory)}`,
  ];
  if (agent.unplaced && agent.node === null) {
    lines.push(
      '',
      paint('red', `Not placed: ${agent.unplaced.text}`),
      `To fix it: ${fixWithCommands(agent.unplaced.fix, call.as)}`,
    );
    for (const { filter, nodes, text } of agent.unplaced.refused)
      lines.push(`  ${counted(nodes, 'node')} refused by ${filter}: ${text}`);
  }
  if (agent.why && agent.node !== null) {
    lines.push(
      '',
      `Why ${agent.node}, in the scores of ${ago(agent.placedMs, call.clock.nowMs())} (${agent.why.score.toFixed(2)} in all):`,
    );
    const rows = agent.why.scores.map((score) => [
      `  ${score.name}`,
      score.value.toFixed(2),
      `x ${score.weight}`,
      score.text,
    ]);
    lines.push(table(['  SCORE', 'VALUE', 'WEIGHT', 'BECAUSE'], rows, call.columns, paint));
    lines.push(
      paint('dim', `Why on no other node, in the present fleet: ${call.as.fleet(`agents explain ${agent.name}`)}`),
    );
  }
  return lines.join('\n');
}

/** Why the attempt that was followed is void, as the task reports it. */
function whyAgain(task: TaskView | null, attempt: number): string {
  const past = task?.past.find((each) => each.attempt === attempt);
  return past?.text.replace(/\.$/, '') || `attempt ${attempt} did not succeed`;
}

/** Prints the stream of a task to its end. @throws FleetError with the code of the end where the task is not done */
export async function followTask(
  call: VerbCall,
  events: AsyncGenerator<{ event: string; data: unknown }>,
): Promise<void> {
  let printed = 0;
  let attempt = 0;
  let last: TaskView | null = null;
  // Tokens of a lost attempt are never spliced with those of the next.
  const begin = (next: number) => {
    if (next === attempt) return;
    if (printed > 0) call.write(`\n${call.paint('dim', `(${whyAgain(last, attempt)}; starting over)`)}\n`);
    attempt = next;
    printed = 0;
  };
  for await (const { event, data } of events) {
    if (event === 'chunk') {
      const chunk = data as TaskChunk;
      if (call.json) continue;
      begin(chunk.attempt);
      if (chunk.retract) {
        // Text on a terminal cannot be withdrawn: a note marks where the answer begins.
        if (printed > chunk.offset) call.write(`\n${call.paint('dim', '(end of the thoughts; the answer:)')}\n`);
        printed = Math.min(printed, chunk.offset);
      }
      if (chunk.tool) call.note(`uses ${chunk.tool}`);
      call.write(chunk.text);
      printed = Math.max(printed, chunk.offset + chunk.text.length);
    } else {
      last = data as TaskView;
      if (event === 'end') break;
    }
  }
  if (!last) throw new FleetError('no-coordinator', { detail: 'The stream ended before it began.' });
  if (call.json) call.show(last, () => '');
  else if (last.result !== null) {
    begin(last.attempt);
    call.write(`${last.result.slice(printed)}\n`);
  }
  if (!isEnd(last.state)) {
    throw new FleetError('no-coordinator', {
      detail: `The connection ended before the task did; the task continues. Follow it: ${call.as.fleet(`tasks show ${last.id}`)}`,
    });
  }
  if (last.state === 'expired')
    throw new FleetError('deadline-passed', { detail: last.problem?.text ?? 'The deadline passed.' });
  if (last.state === 'cancelled')
    throw new FleetError('task-cancelled', { detail: last.problem?.text ?? 'The task was cancelled.' });
  if (last.state === 'failed')
    throw new FleetError('task-failed', { detail: last.problem?.text ?? 'The task failed.' });
  if (!call.json && last.usage && call.interactive) {
    const { model, totalMs, recalled } = last.usage;
    const speed = writingSpeed(last.usage);
    call.note(
      `${last.node}, ${model}, ${duration(totalMs)}${speed === null ? '' : `, ${speed.toFixed(1)} tokens/s`}${recalled > 0 ? `, ${counted(recalled, 'memory', 'memories')} recalled` : ''}`,
    );
  }
}

export const agentVerbs: Verb[] = [
  {
    words: 'agents',
    args: '',
    text: 'List the agents: where each runs, or why it does not and what would fix it.',
    async run(call) {
      const agents = await call.client().call('agents');
      call.show(agents, () =>
        agents.length === 0
          ? `No agents yet. Try: ${call.as.fleet(`agents apply -f ${call.as.file(firstAgentFile)}`)}`
          : agentTable(agents, call),
      );
    },
  },
  {
    words: 'agents show',
    args: '<agent>',
    text: 'One agent, with the scores it was placed by.',
    completes: 'agents',
    async run(call) {
      const client = call.client();
      const agent = await client.call('agent', { params: { agent: argument(call, 0, '<agent>') } });
      const rows = agent.spec.budget ? await client.call('budgets', { query: { agent: agent.name } }) : [];
      call.show(agent, () => oneAgent(agent, rows[0]?.budget ?? null, call));
    },
  },
  {
    words: 'agents explain',
    args: '<agent>',
    text: 'Why an agent is on its node and on no other, and what would place it, in the present fleet.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const explained = await call.client().call('agentExplain', { params: { agent } });
      call.show(explained, () => explainScreen(explained, call));
    },
  },
  {
    words: 'agents apply',
    args: '',
    text: 'Create or change agents from a YAML file (`-` is standard input); several agents in one file are separated by `---`.',
    flags: { file: { type: 'string', short: 'f', value: '<file>', text: 'The file.' } },
    async run(call) {
      const file = textFlag(call, 'file');
      if (!file) throw wrongUse('-f <file> is missing.');
      const applied: AgentView[] = [];
      for (const spec of readAgents(file, '-f')) {
        applied.push(await call.client().call('agentApply', { params: { agent: spec.name }, body: spec }));
      }
      call.show(applied, () =>
        applied
          .map(
            (agent) =>
              `${agent.name} is applied (version ${agent.version}). See where it runs: ${call.as.fleet(`agents show ${agent.name}`)}`,
          )
          .join('\n'),
      );
    },
  },
  {
    words: 'agents versions',
    args: '<agent>',
    text: 'Every version of a spec, newest first.',
    completes: 'agents',
    async run(call) {
      const versions = await call.client().call('agentVersions', { params: { agent: argument(call, 0, '<agent>') } });
      const rows = versions.map((each) => [String(each.version), ago(each.atMs, call.clock.nowMs()), each.by]);
      call.show(versions, () => table(['VERSION', 'WHEN', 'BY'], rows, call.columns, call.paint));
    },
  },
  {
    words: 'agents rename',
    args: '<agent> <name>',
    text: 'Gives an agent another name; its memory, its tasks and what it does now stay as they are.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const name = argument(call, 1, '<name>');
      const renamed = await call.client().call('agentRename', { params: { agent }, body: { name } });
      call.show(renamed, () => `${agent} is called ${renamed.name} from now on.`);
    },
  },
  {
    words: 'agents remove',
    args: '<agent>',
    text: 'Removes an agent; its memory stays.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      await call.client().call('agentRemove', { params: { agent } });
      call.show({ agent, removed: true }, () => `${agent} is removed; its memory stays.`);
    },
  },
  {
    words: 'ask',
    args: '<agent> <text...>',
    text: 'Asks an agent and streams its answer.',
    flags: {
      deadline: { type: 'string', value: '<time>', text: 'Give up after this long: 30s, 5m.' },
      detach: { type: 'boolean', text: 'Print the task and do not wait.' },
      conversation: {
        type: 'string',
        value: '<id>',
        text: 'Goes on with a conversation of yours: what was said in it goes along. `new` begins one.',
      },
    },
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const prompt = call.args.slice(1).join(' ');
      if (prompt.trim() === '') throw wrongUse('<text> is missing: what should the agent be asked?');
      const deadlineSeconds = secondsFlag(call, 'deadline');
      const conversation = await conversationFor(call, agent);
      const request = {
        params: { agent },
        body: {
          prompt,
          origin: 'cli' as const,
          ...(deadlineSeconds ? { deadlineSeconds } : {}),
          ...(conversation === undefined ? {} : { conversation: { id: conversation } }),
        },
      };
      if (call.flags.detach) {
        const task = await call.client().call('ask', request);
        call.show(task, () => task.id);
        return;
      }
      let isTold = false;
      const tell = (words: string) => {
        if (words === '' || isTold) return;
        isTold = true;
        call.note(words);
      };
      const slow = call.interactive
        ? call.clock.after(4000, () => {
            void waitingWords(call, agent).then(tell, () => {}); // the task itself reports the failure
          })
        : null;
      try {
        await followTask(
          call,
          watched(call.client().stream('ask', request, call.signal), {
            // With --json nothing but the value is printed.
            queued: () => void (call.json ? null : nowhereWords(call, agent).then(tell, () => {})),
            begun: () => slow?.cancel(),
          }),
        );
      } finally {
        slow?.cancel();
      }
    },
  },
];

async function* watched(
  events: AsyncGenerator<TaskStreamEvent>,
  { queued, begun }: { queued: () => void; begun: () => void },
): AsyncGenerator<TaskStreamEvent> {
  for await (const event of events) {
    if (event.event !== 'task') begun();
    else if (event.data.state === 'queued') queued();
    yield event;
  }
}

/** Shown immediately: the agent may stay unplaced until the deadline. '': the agent has a node, or the coordinator is choosing one. */
async function nowhereWords(call: VerbCall, name: string): Promise<string> {
  const agent = await call.client().call('agent', { params: { agent: name } });
  if (agent.node !== null || agent.unplaced === null) return '';
  return `${name} is on no node: ${whyWords(agent, call.as)} The task waits for one.`;
}

/** Why there is no answer yet: shown once, after a few seconds. */
async function waitingWords(call: VerbCall, name: string): Promise<string> {
  const agent = await call.client().call('agent', { params: { agent: name } });
  if (agent.state === 'unplaced') return `${name} is not placed: ${whyWords(agent, call.as)}`;
  if (agent.state !== 'ready') return `${name} is ${agent.state} on ${agent.node}; the task waits.`;
  return agent.tasks.waiting > 0
    ? `${name} has ${counted(agent.tasks.waiting, 'task')} before this one.`
    : `${agent.node} works on it.`;
}
