// The loaded models, with the number of nodes that have each in memory.
import type { NodeLine } from '@blackroad/protocol';
import { useMemo } from 'react';
import { Panel } from '../../kit/layout.tsx';
import { Empty } from '../../kit/states.tsx';
import { plural } from '../../kit/words.ts';

const shown = 8;

export function Residency({ nodes }: { nodes: readonly NodeLine[] }) {
  const models = useMemo(() => {
    const counts = new Map<string, number>();
    for (const node of nodes) for (const model of node.models) counts.set(model, (counts.get(model) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  }, [nodes]);
  const most = models[0]?.[1] ?? 1;
  return (
    <Panel title="Loaded models" aside={<span className="dim small">{plural(models.length, 'model')}</span>}>
      {models.length === 0 ? (
        <Empty title="No model is loaded">
          <p>A model is loaded with the first task that needs it.</p>
        </Empty>
      ) : (
        <ul className="legend bars">
          {models.slice(0, shown).map(([model, n]) => (
            <li key={model}>
              <code className="cut">{model}</code>
              <span className="figure small">{plural(n, 'node')}</span>
              <span className="bar" aria-hidden="true">
                <span className="violet" style={{ width: `${(n / most) * 100}%` }} />
              </span>
            </li>
          ))}
          {models.length > shown && <li className="dim small">and {models.length - shown} more</li>}
        </ul>
      )}
    </Panel>
  );
}
