// The third step: machines as they join, live; also refused ones with the reason.
import type { NodeView } from '@blackroad/protocol';
import { useMemo } from 'react';
import { useEvents, useNode, useNodes } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { neededBytes } from '../../fleet/fit.ts';
import { standingOfView } from '../../fleet/node-health.ts';
import { Time } from '../../fleet/time.tsx';
import { LinkButton } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Glyph, Status, Tag } from '../../kit/status.tsx';
import { bytes, percent, plural } from '../../kit/words.ts';
import type { Made } from './add-node-page.tsx';

/** A set-up of a hundred Pis is watched in the table. */
const shown = 12;
const joinEvents = new Set(['node-enrol', 'node-reclaim']);

export function Arrivals({ made }: { made: Made }) {
  const { list } = useNodes();
  const events = useEvents();
  const recent = useMemo(() => events.list.filter(({ atMs }) => atMs >= made.atMs), [events.list, made]);
  const came = useMemo(() => {
    const ids = new Set(list.filter(({ id }) => !made.before.has(id)).map(({ id }) => id));
    // A machine that was set up anew takes its old place: it was there before.
    for (const { node, type } of recent) if (node && joinEvents.has(type)) ids.add(node);
    return [...ids];
  }, [list, recent, made]);
  const refused = recent.filter(({ type }) => type === 'enrol-refused');
  return (
    <Panel title={came.length === 0 ? '3. It appears here' : `3. ${plural(came.length, 'machine')} joined`} bare>
      <ul className="add-node-came" aria-live="polite">
        {came.slice(0, shown).map((id) => (
          <Arrival key={id} id={id} />
        ))}
        {came.length > shown && <li className="dim small">and {came.length - shown} more in the table of nodes</li>}
        {refused.map(({ id, atMs, text }) => (
          <li key={id}>
            <Glyph shape="cross" tone="bad" />
            <span className="grow">{text}</span>
            <span className="dim small">
              <Time at={atMs} />
            </span>
          </li>
        ))}
        {came.length < made.token.uses && (
          <li className="add-node-waiting">
            <span className="add-node-pulse" aria-hidden="true" />
            <span className="dim">
              Waiting for {came.length === 0 ? 'it' : `${made.token.uses - came.length} more`}. This page shows it the
              moment it joins; you need not stay.
            </span>
          </li>
        )}
      </ul>
    </Panel>
  );
}

function Arrival({ id }: { id: string }) {
  const { row: node } = useNode(id);
  if (!node) return <li>{id}</li>;
  const standing = standingOfView(node);
  const { health, capacity, info } = node;
  return (
    <li>
      <ClassShape kind={node.class} tone={standing.tone} used={null} size={34} />
      <div className="grow">
        <p className="row wrap">
          <strong>{node.id}</strong>
          <Status of={standing.of} word={standing.word} />
          <Tag>{node.class}</Tag>
          {info?.simulated && <Tag>simulated</Tag>}
        </p>
        <p className="dim small">
          {node.presence === 'never'
            ? 'It has its certificate and was not heard of yet: does the node-agent run there?'
            : [
                info?.board ?? info?.cpu,
                health && `CPU ${percent(health.cpu)}`,
                health?.temperatureC !== undefined && `${Math.round(health.temperatureC)} °C`,
                capacity && `${bytes(capacity.memoryFreeBytes)} free for models`,
              ]
                .filter(Boolean)
                .join(' · ')}
        </p>
        {node.conditions.map(({ text }) => (
          <p key={text} className="warn small">
            {text}
          </p>
        ))}
        {capacity && <CanRun node={node} />}
        {(info?.notes ?? []).map((note) => (
          <p key={note} className="dim small">
            {note}
          </p>
        ))}
      </div>
      <LinkButton to="/nodes/$node" params={{ node: id }}>
        Open
      </LinkButton>
    </li>
  );
}

const named = 4;
/** The models of the machine, and models of the fleet that would fit and could be fetched. */
function CanRun({ node }: { node: NodeView }) {
  const catalogue = useRoute('catalogue', {}, { staleTime: 30_000 });
  const capacity = node.capacity as NonNullable<NodeView['capacity']>;
  const has = capacity.models.filter(({ kind }) => kind === 'chat').map(({ name }) => name);
  const known = new Set(capacity.models.map(({ name }) => name));
  const could = (catalogue.data?.models ?? [])
    .filter(
      (model) =>
        model.kind === 'chat' &&
        !known.has(model.name) &&
        neededBytes(model) <= capacity.memoryTotalBytes &&
        (capacity.pulls ?? []).some((runtime) => model.runtimes.includes(runtime)),
    )
    .map(({ name }) => name);
  const list = (names: string[]) => names.slice(0, named).join(', ') + (names.length > named ? ' …' : '');
  return (
    <p className="small">
      {has.length > 0 ? (
        <>
          Runs <code>{list(has)}</code>
        </>
      ) : (
        'No chat model on it yet'
      )}
      {could.length > 0 && (
        <>
          ; could fetch <code>{list(could)}</code>
        </>
      )}
    </p>
  );
}
