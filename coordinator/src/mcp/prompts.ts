// Prompts of the MCP door: the questions that people ask most, as a client offers them in its menu. Each says with which tools it is answered.
import { FleetError, mayDo, type Permission } from '@blackroad/protocol';
import { namesOf } from './resources.ts';
import type { McpAsker } from './tool.ts';

interface Prompt {
  name: string;
  title: string;
  text: string;
  argument: { name: 'agent' | 'node'; text: string } | null;
  needs: Permission;
  words(value: string): string;
}

const prompts: readonly Prompt[] = [
  {
    name: 'what_needs_me',
    title: 'What needs me?',
    text: 'What is wrong in the fleet now, and what to do about it.',
    argument: null,
    needs: 'nodes:read',
    words: () =>
      'Use list_nodes and recent_events to find what is wrong in my fleet now: nodes that are not online, troubles of nodes, agents without a node (explain_placement says what would place one). Tell me the worst first, each in one sentence with what I should do. If nothing is wrong, say so in one sentence.',
  },
  {
    name: 'why_is_it_there',
    title: 'Why is this agent there?',
    text: 'Why an agent runs where it runs, or nowhere.',
    argument: { name: 'agent', text: 'The name of the agent.' },
    needs: 'placement:read',
    words: (agent) =>
      `Use explain_placement for the agent ${agent}, and say in plain words why it is on its node and on no other. If it has no node, say what would place it, the smallest change first.`,
  },
  {
    name: 'may_i_switch_it_off',
    title: 'May I switch this node off?',
    text: 'What would happen if a node were drained.',
    argument: { name: 'node', text: 'The name of the node.' },
    needs: 'placement:read',
    words: (node) =>
      `Use plan_change with nodes [{"node": "${node}", "draining": true}] and tell me which agents would move where, and which would find no place. Do not call apply_plan unless I ask for it then.`,
  },
  {
    name: 'what_happened',
    title: 'What happened lately?',
    text: 'The last events, summed up.',
    argument: null,
    needs: 'events:read',
    words: () =>
      'Use recent_events and sum up what happened in my fleet, newest first, by node and by agent. Leave out what was over within a minute.',
  },
];

const promptsFor = ({ by }: McpAsker) => prompts.filter(({ needs }) => mayDo(by.roles, needs));

export function listedPrompts(asker: McpAsker) {
  return promptsFor(asker).map(({ name, title, text, argument }) => ({
    name,
    title,
    description: text,
    ...(argument ? { arguments: [{ name: argument.name, description: argument.text, required: true }] } : {}),
  }));
}

/** @throws FleetError */
export function promptOf(name: string, given: Readonly<Record<string, string>>, asker: McpAsker) {
  const found = promptsFor(asker).find((prompt) => prompt.name === name);
  if (!found) {
    const names = promptsFor(asker).map((prompt) => prompt.name);
    const detail = `name: expected ${names.join(', ') || 'nothing: this key has no prompts'}, got ${JSON.stringify(name.slice(0, 60))}`;
    throw new FleetError('invalid-request', { detail });
  }
  const { argument } = found;
  const value = argument ? given[argument.name] : '';
  if (argument && (value === undefined || !/^[\w.-]{1,80}$/.test(value))) {
    const got = value === undefined ? 'nothing' : JSON.stringify(value.slice(0, 60));
    throw new FleetError('invalid-request', { detail: `${argument.name}: expected a name, got ${got}` });
  }
  return {
    description: found.text,
    messages: [{ role: 'user' as const, content: { type: 'text' as const, text: found.words(value ?? '') } }],
  };
}

/** Most names that one completion gives [MCP 2025-11-25, completion]. */
const maxNames = 100;
export function completed(argument: { name: string; value: string }, kind: string | null, asker: McpAsker) {
  const of = kind ?? argument.name;
  const names = of === 'agent' || of === 'node' ? namesOf(of, asker) : [];
  const found = names.filter((name) => name.startsWith(argument.value));
  return { values: found.slice(0, maxNames), total: found.length, hasMore: found.length > maxNames };
}
