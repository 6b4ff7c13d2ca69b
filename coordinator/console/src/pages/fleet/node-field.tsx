// Thousands of nodes of one site, painted: a shape each, redrawn when one changes. Under the pointer a node says what it is; a click
// opens it. Everything in it is also in the table of nodes, which the label says to those who cannot see it.
import type { NodeLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { shapePath } from '../../fleet/class-shape.tsx';
import { memoryUsed, standingOf } from '../../fleet/node-health.ts';
import type { Tone } from '../../kit/looks.ts';
import { useIsDark } from '../../kit/theme.ts';
import { plural } from '../../kit/words.ts';
import { inWords } from './node-grid.tsx';

const cell = 13;
const radius = 4.4;
const fills: Record<Tone, string> = {
  good: '--good-fill',
  info: '--info-fill',
  warn: '--warn-fill',
  bad: '--bad-fill',
  dim: '--line-strong',
};

/** Shades of fill that can be told apart in so small a shape. */
const steps = 20;
type Colours = Record<Tone | 'track', string>;
/** What stands on the canvas: most news of a heartbeat changes nothing that is seen, and only cells that look different are painted. */
interface Painted {
  frame: string;
  looks: string[];
  colours: Colours | null;
}

export function NodeField({ nodes, site }: { nodes: readonly NodeLine[]; site: string }) {
  const host = useRef<HTMLCanvasElement>(null);
  const [columns, setColumns] = useState(0);
  const [over, setOver] = useState<{ node: NodeLine; column: number; row: number } | null>(null);
  const navigate = useNavigate();
  const dark = useIsDark();
  const rows = columns > 0 ? Math.ceil(nodes.length / columns) : 0;
  const label = useMemo(() => {
    const counts = new Map<string, number>();
    for (const node of nodes) {
      const { word } = standingOf(node);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    return `${plural(nodes.length, 'node')} at ${site}: ${[...counts].map(([word, n]) => `${n} ${word}`).join(', ')}. The page Nodes lists them.`;
  }, [nodes, site]);

  useEffect(() => {
    const canvas = host.current;
    if (!canvas?.parentElement) return;
    const measure = new ResizeObserver(([entry]) =>
      setColumns(Math.max(1, Math.floor((entry?.contentRect.width ?? 0) / cell))),
    );
    measure.observe(canvas.parentElement);
    return () => measure.disconnect();
  }, []);

  const painted = useRef<Painted>({ frame: '', looks: [], colours: null });
  useEffect(() => {
    const canvas = host.current;
    const pen = canvas?.getContext('2d');
    if (!canvas || !pen || columns === 0) return;
    const scale = devicePixelRatio || 1;
    const frame = `${columns} ${rows} ${scale} ${dark}`;
    if (frame !== painted.current.frame) {
      canvas.width = columns * cell * scale;
      canvas.height = rows * cell * scale;
      canvas.style.width = `${columns * cell}px`;
      canvas.style.height = `${rows * cell}px`;
      pen.scale(scale, scale);
      painted.current = { frame, looks: [], colours: coloursBeside(canvas) };
    }
    const { looks, colours } = painted.current;
    for (let i = 0; i < Math.max(nodes.length, looks.length); i++) {
      const node = nodes[i];
      const tone = node && standingOf(node).tone;
      const used = node ? Math.round((memoryUsed(node) ?? 0) * steps) / steps : 0;
      const look = node ? `${node.class} ${tone} ${used}` : '';
      if (look === looks[i]) continue;
      looks[i] = look;
      const [x, y] = [(i % columns) * cell, Math.floor(i / columns) * cell];
      pen.clearRect(x, y, cell, cell);
      if (node && tone && colours) paint(pen, x + cell / 2, y + cell / 2, node.class, tone, used, colours);
    }
    looks.length = nodes.length;
  }, [nodes, columns, rows, dark]);

  const under = (event: React.MouseEvent<HTMLCanvasElement>) => {
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

/** Custom properties as a canvas understands them. */
function coloursBeside(canvas: HTMLCanvasElement): Colours {
  const probe = document.createElement('span');
  canvas.parentElement?.append(probe);
  const colours = Object.fromEntries(
    Object.entries({ ...fills, track: '--track' }).map(([tone, name]) => {
      probe.style.color = `var(${name})`;
      return [tone, getComputedStyle(probe).color];
    }),
  ) as Colours;
  probe.remove();
  return colours;
}

const shapes = new Map<string, Path2D>();
function shapeOf(kind: string): Path2D {
  const shape = shapes.get(kind) ?? new Path2D(shapePath(kind, 0, 0, radius));
  shapes.set(kind, shape);
  return shape;
}
function paint(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  kind: string,
  tone: Tone,
  used: number,
  colours: Colours,
) {
  const shape = shapeOf(kind);
  pen.save();
  pen.translate(x, y);
  pen.fillStyle = colours.track;
  pen.fill(shape);
  if (used > 0) {
    pen.save();
    pen.beginPath();
    pen.rect(-radius * 1.3, radius * 1.2 - used * radius * 2.4, radius * 2.6, used * radius * 2.4);
    pen.clip();
    pen.globalAlpha = 0.8;
    pen.fillStyle = colours[tone];
    pen.fill(shape);
    pen.restore();
  }
  pen.strokeStyle = colours[tone];
  pen.lineWidth = tone === 'bad' ? 2 : 1.1;
  if (tone === 'dim' || tone === 'warn') pen.setLineDash([2, 1.5]);
  pen.stroke(shape);
  if (tone === 'bad') {
    pen.beginPath();
    pen.moveTo(-radius, -radius);
    pen.lineTo(radius, radius);
    pen.moveTo(radius, -radius);
    pen.lineTo(-radius, radius);
    pen.stroke();
  }
  pen.restore();
}
