// What end-to-end tests do over and over, in the words of a person: wait until an agent is ready, ask it, read its memory, read a
// counter. All of it over the real API; nothing here reaches into a process.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentView, isEnd, type MemoryEntry, type NodeView, type TaskView } from '@blackroad/protocol';
import { type Fleet, until } from './processes.ts';

export const nodeOf = (fleet: Fleet, node: string): Promise<NodeView> =>
  fleet.client.call('node', { params: { node } });
export const agentOf = (fleet: Fleet, agent: string): Promise<AgentView> =>
  fleet.client.call('agent', { params: { agent } });
export const taskOf = (fleet: Fleet, task: string): Promise<TaskView> =>
  fleet.client.call('task', { params: { task } });

/** The ids under which the simulated nodes of one process joined, by their folders. */
export function namesIn(fleet: Fleet, folder: string, nodes = 1): string[] {
  return Array.from({ length: nodes }, (_, i) => {
    const file = join(fleet.folder, folder, `n${i}`, 'identity.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { node: string }).node;
  });
}

export function presence(fleet: Fleet, node: string, wanted: NodeView['presence'], deadlineMs = 60_000) {
  return until(
    `${node} is ${wanted}`,
    async () => {
      const view = await nodeOf(fleet, node);
      return view.presence === wanted && view;
    },
    deadlineMs,
  );
}

/** Ready, and on `node` where one is named. */
export function ready(fleet: Fleet, agent: string, node?: string, deadlineMs = 60_000): Promise<AgentView> {
  return until(
    `${agent} is ready${node ? ` on ${node}` : ''}`,
    async () => {
      const view = await agentOf(fleet, agent);
      if (view.state === 'ready' && (node === undefined || view.node === node)) return view;
      throw new Error(`it is ${view.state} on ${view.node}: ${view.reason ?? view.unplaced?.text ?? ''}`);
    },
    deadlineMs,
  );
}

export function submit(fleet: Fleet, agent: string, prompt: string, more: object = {}): Promise<TaskView> {
  return fleet.client.call('ask', { params: { agent }, body: { prompt, ...more } });
}
export function ended(fleet: Fleet, task: string, deadlineMs = 60_000): Promise<TaskView> {
  return until(
    `task ${task} ends`,
    async () => {
      const view = await taskOf(fleet, task);
      if (isEnd(view.state)) return view;
      throw new Error(`it is ${view.state} on ${view.node}, attempt ${view.attempt}`);
    },
    deadlineMs,
  );
}
export async function ask(fleet: Fleet, agent: string, prompt: string, deadlineMs = 60_000): Promise<TaskView> {
  return ended(fleet, (await submit(fleet, agent, prompt)).id, deadlineMs);
}

/** The whole log that the coordinator holds of an agent. */
export async function memoryOf(fleet: Fleet, agent: string): Promise<MemoryEntry[]> {
  const entries: MemoryEntry[] = [];
  for (;;) {
    const after = entries.at(-1)?.seq ?? 0;
    const page = await fleet.client.call('memoryLog', { params: { agent }, query: { after, limit: 1000 } });
    entries.push(...page);
    if (page.length < 1000) return entries;
  }
}
/** In words what is wrong with the chain; null when it verifies and its numbers have no gap. */
export async function chainFault(fleet: Fleet, agent: string): Promise<string | null> {
  const chain = await fleet.client.call('memoryVerify', { params: { agent } });
  if (!chain.valid) return `entry ${chain.fault?.seq}: ${chain.fault?.text}`;
  const gap = (await memoryOf(fleet, agent)).findIndex(({ seq }, i) => seq !== i + 1);
  return gap < 0 ? null : `entry ${gap + 1} is missing`;
}

/** Sum of a family of counters in /metrics whose labels include these. */
export async function counter(fleet: Fleet, name: string, labels: Record<string, string> = {}): Promise<number> {
  const text = String(await fleet.client.call('metrics'));
  let sum = 0;
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== `blackroad_${name}`) continue;
    if (Object.entries(labels).every(([key, value]) => match[2]?.includes(`${key}="${value}"`)))
      sum += Number(match[3]);
  }
  return sum;
}
