// The columns of the table of nodes.
import type { NodeLine } from '@blackroad/protocol';
import { osUpdatesInWords } from '@blackroad/protocol/os-update-words';
import { Link } from '@tanstack/react-router';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { gravity, memoryUsed, standingOf } from '../../fleet/node-health.ts';
import { Time } from '../../fleet/time.tsx';
import type { Column, Facet } from '../../kit/columns.ts';
import { Status, Tag } from '../../kit/status.tsx';
import { bytes, percent, plural } from '../../kit/words.ts';

/** A figure of a machine that is away is old news: the node's page shows it with its age. */
const whileOnline = ({ presence }: NodeLine, value: number | null) => (presence === 'online' ? value : null);
const inFigures = (value: number | null, words: (value: number) => string) => (value === null ? '–' : words(value));

export const nodeColumns: Column<NodeLine>[] = [
  {
    id: 'node',
    title: 'Node',
    width: 210,
    grow: 2,
    value: ({ id }) => id,
    cell: (node) => (
      <>
        <ClassShape kind={node.class} tone={standingOf(node).tone} used={memoryUsed(node)} size={20} />
        <Link to="/nodes/$node" params={{ node: node.id }}>
          {node.id}
        </Link>
        {node.simulated && <Tag>simulated</Tag>}
      </>
    ),
  },
  {
    id: 'health',
    title: 'Health',
    width: 140,
    grow: 2,
    phone: true,
    value: (node) => standingOf(node).word,
    order: (node) => gravity[standingOf(node).tone],
    cell: (node) => {
      const { of, word, text } = standingOf(node);
      return (
        <>
          <Status of={of} word={word} />
          {text && (
            <span className="dim cut" title={text}>
              {text}
            </span>
          )}
        </>
      );
    },
  },
  { id: 'class', title: 'Class', width: 78, value: (node) => node.class },
  { id: 'site', title: 'Site', width: 90, value: ({ site }) => site },
  {
    id: 'agents',
    title: 'Agents',
    width: 84,
    align: 'end',
    largestFirst: true,
    value: ({ agents }) => agents,
  },
  {
    id: 'tasks',
    title: 'Tasks',
    width: 75,
    align: 'end',
    largestFirst: true,
    value: ({ tasksRunning }) => tasksRunning,
  },
  {
    id: 'cpu',
    title: 'CPU',
    width: 76,
    align: 'end',
    largestFirst: true,
    value: (node) => whileOnline(node, node.cpu),
    cell: (node) => inFigures(whileOnline(node, node.cpu), percent),
  },
  {
    id: 'memory',
    title: 'Free memory',
    width: 130,
    align: 'end',
    largestFirst: true,
    value: (node) => memoryUsed(node),
    cell: ({ memoryTotalBytes, memoryFreeBytes }) =>
      memoryTotalBytes && memoryFreeBytes !== null ? `${bytes(memoryFreeBytes)} free` : '–',
  },
  {
    id: 'temperature',
    title: '°C',
    width: 64,
    align: 'end',
    largestFirst: true,
    value: (node) => whileOnline(node, node.temperatureC),
    cell: (node) => inFigures(whileOnline(node, node.temperatureC), String),
  },
  {
    id: 'gpu',
    title: 'GPU',
    width: 75,
    align: 'end',
    largestFirst: true,
    spare: true,
    value: (node) => whileOnline(node, node.gpu),
    cell: (node) => inFigures(whileOnline(node, node.gpu), percent),
  },
  { id: 'models', title: 'Loaded models', width: 160, grow: 2, value: ({ models }) => models.join(', ') || null },
  {
    id: 'updates',
    title: 'Updates',
    width: 190,
    spare: true,
    value: ({ osUpdates }) => (osUpdates ? osUpdatesInWords(osUpdates) : null),
  },
  {
    id: 'labels',
    title: 'Labels',
    width: 160,
    spare: true,
    value: ({ labels }) =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ') || null,
  },
  {
    id: 'since',
    title: 'Since',
    width: 110,
    spare: true,
    value: ({ sinceMs }) => sinceMs,
    cell: ({ sinceMs }) => <Time at={sinceMs} />,
  },
];
/** On a phone, below the name. */
export const nodeNote = ({ class: kind, site, agents, models }: NodeLine) =>
  [kind, site, plural(agents, 'agent'), models.join(', ')].filter(Boolean).join(' · ');
export const nodeFacets: Facet<NodeLine>[] = [
  { id: 'health', title: 'Health', value: (node) => standingOf(node).word },
  { id: 'class', title: 'Class', value: (node) => node.class },
  { id: 'site', title: 'Site', value: ({ site }) => site },
];
