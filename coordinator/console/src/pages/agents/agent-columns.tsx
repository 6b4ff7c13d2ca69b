// The columns of the table of agents.
import type { AgentLine } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { Time } from '../../fleet/time.tsx';
import type { Column, Facet } from '../../kit/columns.ts';
import { wordOf } from '../../kit/looks.ts';
import { Status, Tag } from '../../kit/status.tsx';

export const agentColumns: Column<AgentLine>[] = [
  {
    id: 'agent',
    title: 'Agent',
    width: 190,
    grow: 3,
    value: ({ name }) => name,
    cell: ({ name, branches }) => (
      <>
        <Link to="/agents/$agent" params={{ agent: name }}>
          {name}
        </Link>
        {branches > 0 && <Tag tone="warn">memory to merge</Tag>}
      </>
    ),
  },
  {
    id: 'state',
    title: 'State',
    width: 115,
    grow: 3,
    phone: true,
    value: ({ state }) => wordOf(state),
    cell: ({ state, text }) => (
      <>
        <Status of={state} />
        {text && (
          <span className="dim cut" title={text}>
            {text}
          </span>
        )}
      </>
    ),
  },
  {
    id: 'node',
    title: 'Node',
    width: 105,
    grow: 2,
    value: ({ node }) => node,
    cell: ({ node }) =>
      node ? (
        <Link to="/nodes/$node" params={{ node }}>
          {node}
        </Link>
      ) : (
        <span className="dim">none</span>
      ),
  },
  { id: 'model', title: 'Model', width: 150, grow: 3, value: ({ model }) => model },
  {
    id: 'running',
    title: 'Running',
    width: 84,
    align: 'end',
    largestFirst: true,
    value: ({ running }) => running,
  },
  { id: 'waiting', title: 'Waiting', width: 84, align: 'end', largestFirst: true, value: ({ waiting }) => waiting },
  {
    id: 'priority',
    title: 'Priority',
    width: 86,
    align: 'end',
    largestFirst: true,
    spare: true,
    value: ({ priority }) => priority,
  },
  { id: 'version', title: 'Version', width: 84, align: 'end', largestFirst: true, value: ({ version }) => version },
  {
    id: 'branches',
    title: 'Branches',
    width: 92,
    align: 'end',
    largestFirst: true,
    spare: true,
    value: ({ branches }) => branches,
  },
  {
    id: 'updated',
    title: 'Changed',
    width: 110,
    largestFirst: true,
    value: ({ changedMs }) => changedMs,
    cell: ({ changedMs }) => <Time at={changedMs} />,
  },
];
/** On a phone, below the name. */
export const agentNote = ({ node, model, running, waiting }: AgentLine) =>
  [node ?? 'on no node', model, running + waiting > 0 && `${running} running, ${waiting} waiting`]
    .filter(Boolean)
    .join(' · ');
export const agentFacets: Facet<AgentLine>[] = [
  { id: 'state', title: 'State', value: ({ state }) => wordOf(state) },
  { id: 'node', title: 'Node', value: ({ node }) => node ?? 'none' },
  { id: 'model', title: 'Model', value: ({ model }) => model ?? 'none' },
];
