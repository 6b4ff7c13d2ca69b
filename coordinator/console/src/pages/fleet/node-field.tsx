// Thousands of nodes of one site, painted: a shape each, redrawn when one changes. Under the pointer a node says what it is; a click
// opens it. Everything in it is also in the table of nodes, which the label says to those who cannot see it.
import type { NodeLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { type MouseEvent, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { standingOf } from '../../fleet/node-health.ts';
import { useIsDark } from '../../kit/theme.ts';
import { plural } from '../../kit/words.ts';
import { cell, nothingPainted, paintNodes } from './field-paint.ts';
import { inWords } from './node-grid.tsx';

/** A node under the pointer, and where it stands. */
interface Pointed {
  node: NodeLine;
  column: number;
  row: number;
}

export function NodeField({ nodes, site }: { nodes: readonly NodeLine[]; site: string }) {
  const host = useRef<HTMLCanvasElement>(null);
  const columns = useColumns(host);
  const [over, setOver] = useState<Pointed | null>(null);
  const navigate = useNavigate();
  const dark = useIsDark();
  const label = useMemo(() => countsInWords(nodes, site), [nodes, site]);
  const painted = useRef(nothingPainted);
  useEffect(() => {
    if (!host.current || columns === 0) return;
    painted.current = paintNodes(host.current, painted.current, nodes, columns, dark ? 'dark' : 'light');
  }, [nodes, columns, dark]);

  const under = (event: MouseEvent<HTMLCanvasElement>): Pointed | null => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / cell);
    const row = Math.floor((event.clientY - top) / cell);
    const node = column < columns ? nodes[row * columns + column] : undefined;
    return node ? { node, column, row } : null;
  };
  return (
    <div className="node-field">
      <canvas
        ref={host}
        role="img"
        aria-label={label}
        onMouseMove={(event) => setOver(under(event))}
        onMouseLeave={() => setOver(null)}
        onClick={(event) => {
          const at = under(event);
          if (at) void navigate({ to: '/nodes/$node', params: { node: at.node.id } });
        }}
      />
      {over && (
        <p
          className="tip field-words"
          aria-hidden="true"
          style={{
            top: (over.row + 1) * cell + 5,
            ...(over.column > columns / 2 ? { right: 0 } : { left: over.column * cell }),
          }}
        >
          {inWords(over.node)}
        </p>
      )}
    </div>
  );
}

/** How many cells stand side by side in what is around the canvas; 0 before it was measured. */
function useColumns(host: RefObject<HTMLCanvasElement | null>): number {
  const [columns, setColumns] = useState(0);
  useEffect(() => {
    const around = host.current?.parentElement;
    if (!around) return;
    const measure = new ResizeObserver(([entry]) =>
      setColumns(Math.max(1, Math.floor((entry?.contentRect.width ?? 0) / cell))),
    );
    measure.observe(around);
    return () => measure.disconnect();
  }, [host]);
  return columns;
}

function countsInWords(nodes: readonly NodeLine[], site: string): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const { word } = standingOf(node);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return `${plural(nodes.length, 'node')} at ${site}: ${[...counts].map(([word, n]) => `${n} ${word}`).join(', ')}. The page Nodes lists them.`;
}
