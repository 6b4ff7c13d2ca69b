// The result of each class of node for an agent: the number of nodes that would take it, and of those that each filter refused.
import type { PlacementExplained } from '@blackroad/protocol';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { Empty } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';

export function WhyClasses({ classes }: { classes: PlacementExplained['classes'] }) {
  if (classes.length === 0) {
    return (
      <Empty title="There is no node">
        <p>The first machine that joins is asked at once.</p>
      </Empty>
    );
  }
  return (
    <ul className="why-classes">
      {classes.map(({ class: name, nodes, wouldTake, refused }) => (
        <li key={name}>
          <div className="row">
            <ClassShape kind={name} tone={wouldTake > 0 ? 'good' : 'dim'} used={null} size={24} />
            <strong>{name}</strong>
            <span className="grow" />
            <span className="figure small">
              {wouldTake.toLocaleString('en')} of {nodes.toLocaleString('en')} would take it
            </span>
          </div>
          <div className="why-split" aria-hidden="true">
            {wouldTake > 0 && <span className="takes" style={{ flexGrow: wouldTake }} />}
            {refused.map(({ filter, nodes: count }) => (
              <span key={filter} style={{ flexGrow: count }} />
            ))}
          </div>
          <ul className="small">
            {refused.map(({ filter, nodes: count, text }) => (
              <li key={filter} className="row why-refused">
                <Glyph shape="bar" tone="dim" />
                <span>
                  <span className="figure">{count.toLocaleString('en')}</span> by <strong>{filter}</strong>{' '}
                  <span className="dim">{text}</span>
                </span>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
