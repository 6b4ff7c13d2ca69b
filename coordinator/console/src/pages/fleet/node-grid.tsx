// The nodes by site: a card each while they are few, a tile each while they can be told apart, and a painted field for thousands.
// Colour and outline are health, shape is class, fill is memory; the words are in the label, in the card or under the pointer.
import type { NodeLine } from '@blackroad/protocol';
import { osUrgentInWords } from '@blackroad/protocol/os-update-words';
import { Link } from '@tanstack/react-router';
import { memo, useMemo, useRef } from 'react';
import { ClassShape, classShapes } from '../../fleet/class-shape.tsx';
import { memoryUsed, standingOf } from '../../fleet/node-health.ts';
import { Panel } from '../../kit/layout.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { bytes, percent, plural } from '../../kit/words.ts';
import { NodeField } from './node-field.tsx';

const cardsUpTo = 12;
const tilesUpTo = 300;

export function NodeGrid({ nodes }: { nodes: readonly NodeLine[] }) {
  const before = useRef<Sites>({ nodes: [], places: [], sites: [] });
  const sites = useMemo(() => {
    before.current = bySite(nodes, before.current);
    return before.current.sites;
  }, [nodes]);
  if (nodes.length === 0) return null;
  const few = nodes.length <= cardsUpTo;
  const aside = few ? undefined : <Legend classes={new Set(nodes.map((node) => node.class))} />;
  return (
    <Panel title="Nodes" aside={aside}>
      <div className={nodes.length > tilesUpTo ? 'site-blocks' : 'stack'}>
        {sites.map(([site, here]) => (
          <Site
            key={site}
            site={site}
            nodes={here}
            named={sites.length > 1 || !few}
            as={few ? 'cards' : nodes.length <= tilesUpTo ? 'tiles' : 'field'}
          />
        ))}
      </div>
    </Panel>
  );
}

interface SiteProps {
  site: string;
  nodes: readonly NodeLine[];
  named: boolean;
  as: 'cards' | 'tiles' | 'field';
}
const Site = memo(function Site({ site, nodes, named, as }: SiteProps) {
  return (
    <section aria-label={`Site ${site}`}>
      {named && (
        <h3 className="site">
          {site} <span className="dim small">{plural(nodes.length, 'node')}</span> <Trouble nodes={nodes} />
        </h3>
      )}
      {as === 'field' ? (
        <NodeField nodes={nodes} site={site} />
      ) : (
        <ul className={`node-${as}`}>
          {nodes.map((node) =>
            as === 'cards' ? <NodeCard key={node.id} node={node} /> : <NodeTile key={node.id} node={node} />,
          )}
        </ul>
      )}
    </section>
  );
});

interface Sites {
  nodes: readonly NodeLine[];
  /** Where each site's nodes stand in `nodes`. */
  places: [site: string, at: number[]][];
  sites: [site: string, nodes: NodeLine[]][];
}
/**
 * Sites by name; within a site by class, then by name, so that nothing moves when a state changes. The order is found anew only when a
 * node came, went or moved, and a site without news stays the same list: with ten thousand nodes there is news four times a second.
 */
function bySite(nodes: readonly NodeLine[], before: Sites): Sites {
  const stands =
    nodes.length === before.nodes.length &&
    nodes.every((node, i) => {
      const was = before.nodes[i] as NodeLine;
      return node === was || (node.id === was.id && node.site === was.site && node.class === was.class);
    });
  const places = stands ? before.places : placesOf(nodes);
  const sites = places.map(([site, at], i): Sites['sites'][number] => {
    const was = stands ? before.sites[i]?.[1] : undefined;
    if (was && at.every((place, j) => nodes[place] === was[j])) return [site, was];
    return [site, at.map((place) => nodes[place] as NodeLine)];
  });
  return { nodes, places, sites };
}
function placesOf(nodes: readonly NodeLine[]): Sites['places'] {
  const sites = new Map<string, number[]>();
  nodes.forEach(({ site }, i) => {
    const here = sites.get(site);
    if (here) here.push(i);
    else sites.set(site, [i]);
  });
  const at = (place: number) => nodes[place] as NodeLine;
  const rank = (place: number) => classShapes.indexOf(at(place).class as (typeof classShapes)[number]);
  for (const here of sites.values()) here.sort((a, b) => rank(a) - rank(b) || (at(a).id < at(b).id ? -1 : 1));
  return [...sites].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
}

/** How many of a site are not as they should be, so that they are seen among hundreds. */
function Trouble({ nodes }: { nodes: readonly NodeLine[] }) {
  const bad = nodes.filter((node) => standingOf(node).tone === 'bad').length;
  const warned = nodes.filter((node) => standingOf(node).tone === 'warn').length;
  return (
    <span className="small trouble">
      {bad > 0 && <Status of="error" word={`${bad} offline or unhealthy`} />}
      {warned > 0 && <Status of="warning" word={`${plural(warned, 'warning')}`} />}
    </span>
  );
}

function figuresOf(node: NodeLine): string {
  const used = memoryUsed(node);
  return [
    node.cpu === null ? null : `CPU ${percent(node.cpu)}`,
    node.gpu === null ? null : `GPU ${percent(node.gpu)}`,
    node.temperatureC === null ? null : `${node.temperatureC} °C`,
    used === null ? null : `memory ${percent(used)}`,
  ]
    .filter(Boolean)
    .join(' · ');
}
const urgentOf = ({ osUpdates }: NodeLine): string => (osUpdates ? osUrgentInWords(osUpdates) : '');
export function inWords(node: NodeLine): string {
  const { word, text } = standingOf(node);
  return [`${node.id}: ${word}`, text, node.class, figuresOf(node), plural(node.agents, 'agent'), urgentOf(node)]
    .filter(Boolean)
    .join(', ');
}

function NodeCard({ node }: { node: NodeLine }) {
  const { of, word, text, tone } = standingOf(node);
  const { memoryTotalBytes, memoryFreeBytes } = node;
  return (
    <li className="node-card">
      <ClassShape kind={node.class} tone={tone} used={memoryUsed(node)} size={55} />
      <div className="grow">
        <p className="row wrap">
          <Link to="/nodes/$node" params={{ node: node.id }} className="node-name">
            {node.id}
          </Link>
          <Status of={of} word={word} />
          <Tag>{node.class}</Tag>
          {node.simulated && <Tag>simulated</Tag>}
        </p>
        {text && <p className={tone === 'bad' ? 'bad' : 'warn'}>{text}</p>}
        <p className="dim small">
          {node.presence !== 'online' && figuresOf(node) && 'when last heard: '}
          {figuresOf(node) || 'no heartbeat yet'}
        </p>
        <p className="dim small">
          {memoryTotalBytes && memoryFreeBytes !== null
            ? `${bytes(memoryFreeBytes)} of ${bytes(memoryTotalBytes)} free for models · `
            : ''}
          {plural(node.agents, 'agent')}
          {node.tasksRunning > 0 && ` · ${plural(node.tasksRunning, 'task')} running`}
        </p>
        {urgentOf(node) !== '' && <p className="small">{urgentOf(node)}</p>}
        {node.models.length > 0 && (
          <p className="small cut">
            <span className="dim">loaded </span>
            <code>{node.models.join(', ')}</code>
          </p>
        )}
      </div>
    </li>
  );
}

function NodeTile({ node }: { node: NodeLine }) {
  const { tone } = standingOf(node);
  const words = inWords(node);
  return (
    <li>
      <Link to="/nodes/$node" params={{ node: node.id }} aria-label={words} title={words}>
        <ClassShape kind={node.class} tone={tone} used={memoryUsed(node)} />
      </Link>
    </li>
  );
}

function Legend({ classes }: { classes: Set<string> }) {
  return (
    <p className="dim small row wrap legend-line">
      {[...classes].map((kind) => (
        <span key={kind} className="row">
          <ClassShape kind={kind} tone="dim" used={null} size={16} />
          {kind}
        </span>
      ))}
      <span>fill: memory in use</span>
      <Status of="online" />
      <Status of="warning" word="warning" />
      <Status of="error" word="offline or unhealthy" />
    </p>
  );
}
