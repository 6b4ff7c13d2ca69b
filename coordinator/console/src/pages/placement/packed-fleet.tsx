// The picture of a packed fleet: boxes with names while they can be read, a painted field of small boxes for thousands.
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { Glyph, Tag } from '../../kit/status.tsx';
import { bytes, plural } from '../../kit/words.ts';
import { PackedField } from './packed-field.tsx';
import { bySite, type Packed, usedBytes } from './packing.ts';

const boxesUpTo = 60;
/** Agents are drawn one by one up to here. */
const dotsUpTo = 24;

export function PackedFleet({
  nodes,
  label,
  legend = true,
  first,
}: {
  nodes: readonly Packed[];
  label: string;
  legend?: boolean;
  /** Sites that stand before the others. */
  first?: ReadonlySet<string>;
}) {
  const sites = useMemo(() => bySite(nodes, first), [nodes, first]);
  return (
    <div className="stack" role="group" aria-label={label}>
      {nodes.length > boxesUpTo ? (
        <PackedField sites={sites} label={label} />
      ) : (
        sites.map(([site, here]) => (
          <section key={site} aria-label={`Site ${site}`}>
            {sites.length > 1 && (
              <h3 className="site">
                {site} <span className="dim small">{plural(here.length, 'node')}</span>
              </h3>
            )}
            <ul className="packed-boxes">
              {here.map((node) => (
                <Box key={node.id} node={node} />
              ))}
            </ul>
          </section>
        ))
      )}
      {legend && <Legend />}
    </div>
  );
}

export function Legend({ plan = false }: { plan?: boolean }) {
  return (
    <p className="row wrap dim small packed-legend">
      <span className="row">
        <span className="packed-swatch weights" /> loaded models
      </span>
      <span className="row">
        <span className="packed-swatch rest" /> contexts of agents and the rest
      </span>
      <span className="row">
        <span className="packed-swatch" /> free
      </span>
      {plan ? (
        <>
          <span className="row">
            <span className="packed-swatch changed" /> changes
          </span>
          <span className="row">
            <Glyph shape="cross" tone="bad" /> lost
          </span>
        </>
      ) : (
        <span>dashed: away or closed</span>
      )}
    </p>
  );
}

const marks = { open: null, closed: 'closed', away: 'away', lost: 'lost' } as const;
function Box({ node }: { node: Packed }) {
  const { id, totalBytes, weights, restBytes, agents, mark, change } = node;
  const used = usedBytes(node);
  const share = (value: number) => `${totalBytes > 0 ? (value / totalBytes) * 100 : 0}%`;
  return (
    <li className={`packed-box ${mark} ${change === null ? '' : 'changed'}`}>
      <p className="row">
        <ClassShape kind={node.class} tone={mark === 'lost' ? 'bad' : 'dim'} used={null} size={20} />
        <Link to="/nodes/$node" params={{ node: id }} className="grow cut">
          {id}
        </Link>
        {marks[mark] && <Tag tone={mark === 'lost' ? 'bad' : 'warn'}>{marks[mark]}</Tag>}
        {change !== null && change !== 0 && mark !== 'lost' && (
          <Tag tone={change > 0 ? 'info' : 'dim'}>{change > 0 ? `+${change}` : `−${-change}`}</Tag>
        )}
      </p>
      <div className="packed-bar" aria-hidden="true">
        {weights.map(({ model, bytes: size }) => (
          <span key={model} className="weights" style={{ width: share(size) }} title={`${model}: ${bytes(size)}`} />
        ))}
        {restBytes > 0 && <span className="rest" style={{ width: share(restBytes) }} />}
      </div>
      <p className="dim small">
        {totalBytes === 0 ? 'no memory for models' : `${bytes(used)} of ${bytes(totalBytes)}`}
      </p>
      <p className="small cut" title={weights.map(({ model }) => model).join(', ')}>
        {weights.length > 0 ? (
          <code>{weights.map(({ model }) => model).join(', ')}</code>
        ) : (
          <span className="dim">–</span>
        )}
      </p>
      <p className="packed-agents small">
        {agents > 0 && agents <= dotsUpTo && <Dots agents={agents} />}
        <span className="dim">{plural(agents, 'agent')}</span>
      </p>
    </li>
  );
}
function Dots({ agents }: { agents: number }) {
  return (
    <svg width={agents * 8} height="8" viewBox={`0 0 ${agents * 8} 8`} aria-hidden="true" className="packed-dots">
      {Array.from({ length: agents }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the dots are all alike
        <circle key={i} cx={i * 8 + 4} cy="4" r="2.8" />
      ))}
    </svg>
  );
}
