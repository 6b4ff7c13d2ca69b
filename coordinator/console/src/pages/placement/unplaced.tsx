// Agents without a place now, grouped by reason; the fixes are those of one agent of each group.
import type { AgentLine } from '@blackroad/protocol';
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../../data/api.ts';
import { useAgents } from '../../data/live.ts';
import { keyOf } from '../../data/query.ts';
import { plural } from '../../kit/words.ts';
import { NoPlace } from './plan-parts.tsx';

/** More reasons than this are read in the table of agents. */
const groupsShown = 8;
const againMs = 15_000;

interface Group {
  agents: number;
  example: string;
  text: string;
}
/** By the words of the reason, most agents first. */
function alike(list: readonly AgentLine[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { name, state, text } of list) {
    if (state !== 'unplaced') continue;
    const words = text ?? 'placement is looking for a node';
    const group = groups.get(words);
    if (group) group.agents++;
    else groups.set(words, { agents: 1, example: name, text: words });
  }
  return [...groups.values()].sort((a, b) => b.agents - a.agents);
}

export function Unplaced({ agents }: { agents: number }) {
  const { list } = useAgents();
  const groups = useMemo(() => alike(list).slice(0, groupsShown), [list]);
  const views = useQueries({
    queries: groups.map(({ example }) => ({
      queryKey: keyOf('agent', { params: { agent: example } }),
      queryFn: () => call('agent', { params: { agent: example } }),
      refetchInterval: againMs,
    })),
  });
  return (
    <NoPlace
      isReal
      title={`${plural(agents, 'agent')} without a place`}
      groups={groups.map((group, i) => {
        const why = views[i]?.data?.unplaced;
        return { ...group, text: why?.text ?? group.text, fix: why?.fix ?? [] };
      })}
    />
  );
}
