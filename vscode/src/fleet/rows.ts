// The rows of the tree: nodes and agents with their state in words. Pure.
import { type AgentView, counted, type NodeView } from '@blackroad/protocol';
import { ago, byName, bytes, healthWords } from '../../../coordinator/cli/src/words.ts';
import { type FleetState, maxNodes, type Seen } from './watch.ts';

export interface Row {
  kind: 'nodes' | 'agents' | 'node' | 'agent' | 'note';
  /** Stays the same while the words change, so that the tree stays as it was opened. */
  id: string;
  label: string;
  /** Beside the label. */
  words: string;
  /** All of it, line by line. */
  more: string;
  tone: 'good' | 'care' | 'bad' | 'none';
  rows: readonly Row[];
}

export function rowsOf(state: FleetState, nowMs: number): Row[] {
  switch (state.kind) {
    case 'signed-out':
      return [];
    case 'asking':
      return [note('The fleet is asked ...', '', 'none')];
    case 'live':
      return groups(state.seen, nowMs);
    case 'away': {
      const { why, isRefused, seen } = state;
      const since = seen === null ? '' : `What is below was so ${ago(seen.atMs, nowMs)}.`;
      const again = isRefused ? '' : 'It is tried again by itself.';
      const first = note(why, [since, again].filter(Boolean).join(' '), 'bad');
      return seen === null ? [first] : [first, ...groups(seen, nowMs)];
    }
  }
}

function groups({ nodes, agents }: Seen, nowMs: number): Row[] {
  const online = nodes.filter(({ presence }) => presence === 'online').length;
  const ready = agents.filter(({ state }) => state === 'ready').length;
  const nodeRows = nodes.toSorted((a, b) => byName(a.id, b.id)).map((node) => nodeRow(node, nowMs));
  if (nodes.length >= maxNodes)
    nodeRows.push(note('...', `the first ${maxNodes} nodes; the console has them all`, 'none'));
  const agentRows = agents.toSorted((a, b) => byName(a.name, b.name)).map(agentRow);
  return [
    group('nodes', 'Nodes', `${online} of ${nodes.length} online`, nodeRows),
    group('agents', 'Agents', `${ready} of ${agents.length} ready`, agentRows),
  ];
}

function group(kind: 'nodes' | 'agents', label: string, words: string, rows: readonly Row[]): Row {
  return { kind, id: kind, label, words, more: '', tone: 'none', rows };
}

function note(label: string, words: string, tone: Row['tone']): Row {
  return { kind: 'note', id: `note:${tone}`, label, words, more: [label, words].join('\n').trim(), tone, rows: [] };
}

function nodeRow(node: NodeView, nowMs: number): Row {
  const { id, presence, status, cordoned, draining, conditions, agents, capacity } = node;
  const state = status === 'quarantined' ? status : presence;
  const closed = draining ? ', draining' : cordoned ? ', cordoned' : '';
  const isGood = state === 'online' && conditions.length === 0;
  const isBad = state === 'lost' || state === 'quarantined' || conditions.some(({ severity }) => severity === 'error');
  const memory =
    capacity && `${bytes(capacity.memoryFreeBytes)} of ${bytes(capacity.memoryTotalBytes)} free for models`;
  const lines = [
    `${id}: ${state}${closed}`,
    `${node.class} at ${node.site}, last seen ${ago(node.lastSeenMs, nowMs)}`,
    healthWords(node),
    ...conditions.map(({ text }) => text),
    memory,
    `models: ${capacity?.models.map(({ name }) => name).join(', ') || 'none'}`,
    `agents: ${agents.join(', ') || 'none'}`,
  ];
  return {
    kind: 'node',
    id: `node:${id}`,
    label: id,
    words: `${state}${closed}: ${healthWords(node)}`,
    more: [...new Set(lines.filter(Boolean))].join('\n'),
    tone: isBad ? 'bad' : isGood && closed === '' ? 'good' : 'care',
    rows: [],
  };
}

function agentRow(agent: AgentView): Row {
  const { name, state, node, model, reason, unplaced, tasks, memory, spec } = agent;
  const where = node === null ? '' : ` on ${node}`;
  const why = node === null ? (unplaced?.text ?? reason) : reason;
  const work = tasks.running + tasks.waiting > 0 ? `, ${tasks.running} running, ${tasks.waiting} waiting` : '';
  const lines = [
    `${name}: ${state}${where}${model === null ? '' : `, with ${model}`}`,
    spec.description,
    why,
    `${counted(memory.seq, 'memory', 'memories')}, ${tasks.running} running, ${tasks.waiting} waiting`,
  ];
  return {
    kind: 'agent',
    id: `agent:${name}`,
    label: name,
    words: `${state}${where}${work}${why ? `: ${why}` : ''}`,
    more: lines.filter(Boolean).join('\n'),
    tone: state === 'ready' ? 'good' : state === 'failed' || state === 'unplaced' ? 'bad' : 'care',
    rows: [],
  };
}
