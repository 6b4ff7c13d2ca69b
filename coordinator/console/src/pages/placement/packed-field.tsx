// Thousands of nodes as small boxes, painted site by site: filled from below by models, then by contexts. Under the pointer a node says
// what it is; a click opens it. The table of nodes has it all for those who cannot see it, and the label says so.
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useIsDark } from '../../kit/theme.ts';
import { bytes, percent, plural } from '../../kit/words.ts';
import { type Packed, usedBytes } from './packing.ts';

/** A box with the gap beside it; thousands are drawn smaller, so that a fleet is seen at once. */
const cellOf = (nodes: number) => (nodes > smallFrom ? 8 : 12);
const smallFrom = 1_500;
const gap = 2.5;
const colours = {
  track: '--track',
  line: '--line-strong',
  weights: '--violet-fill',
  rest: '--info-fill',
  bad: '--bad-fill',
  changed: '--pink-fill',
} as const;
type Colours = Record<keyof typeof colours, string>;

export function PackedField({ sites, label }: { sites: [site: string, nodes: Packed[]][]; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [over, setOver] = useState<Packed | null>(null);
  useEffect(() => {
    if (!host.current) return;
    const measure = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    measure.observe(host.current);
    return () => measure.disconnect();
  }, []);
  const cell = cellOf(sites.reduce((sum, [, nodes]) => sum + nodes.length, 0));
  const columns = Math.max(1, Math.floor(width / cell));
  return (
    <div ref={host}>
      <div className="packed-sites">
        {width > 0 &&
          sites.map(([site, nodes]) => (
            <Site key={site} site={site} nodes={nodes} label={label} columns={columns} cell={cell} over={setOver} />
          ))}
      </div>
      <p className="small dim field-words" aria-hidden="true">
        {over ? inWords(over) : ' '}
      </p>
    </div>
  );
}

function inWords(node: Packed): string {
  const { id, class: kind, site, mark, agents, change, totalBytes, weights } = node;
  return [
    id,
    kind,
    site,
    mark === 'open' ? null : mark,
    totalBytes > 0 ? `${percent(usedBytes(node) / totalBytes)} of ${bytes(totalBytes)}` : 'no memory for models',
    weights.map(({ model }) => model).join(' + ') || null,
    plural(agents, 'agent') + (change ? ` (${change > 0 ? '+' : '−'}${Math.abs(change)})` : ''),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A small site is a small square; a large one takes the width there is. */
const widthOf = (nodes: number, most: number) => Math.min(most, Math.max(10, Math.ceil(Math.sqrt(nodes * 2.5))));

interface SiteProps {
  site: string;
  nodes: readonly Packed[];
  label: string;
  columns: number;
  cell: number;
  over(node: Packed | null): void;
}
function Site({ site, nodes, label, columns: most, cell, over }: SiteProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const navigate = useNavigate();
  const dark = useIsDark();
  const columns = widthOf(nodes.length, most);
  const rows = Math.ceil(nodes.length / columns);
  const words = useMemo(() => siteInWords(site, nodes, label), [site, nodes, label]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours
  useEffect(() => {
    const pen = canvas.current && sized(canvas.current, columns * cell, rows * cell);
    if (!canvas.current || !pen) return;
    const tones = resolved(canvas.current);
    nodes.forEach((node, i) => {
      paint(pen, node, (i % columns) * cell + 1, Math.floor(i / columns) * cell + 1, cell - gap, tones);
    });
  }, [nodes, columns, rows, cell, dark]);
  const under = (event: React.MouseEvent<HTMLCanvasElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / cell);
    return column < columns ? (nodes[Math.floor((event.clientY - top) / cell) * columns + column] ?? null) : null;
  };
  return (
    <section>
      <h3 className="small">
        {site} <span className="dim">{plural(nodes.length, 'node')}</span>
      </h3>
      <canvas
        ref={canvas}
        role="img"
        aria-label={words}
        onMouseMove={(event) => over(under(event))}
        onMouseLeave={() => over(null)}
        onClick={(event) => {
          const node = under(event);
          if (node) void navigate({ to: '/nodes/$node', params: { node: node.id } });
        }}
      />
    </section>
  );
}

function siteInWords(site: string, nodes: readonly Packed[], label: string): string {
  let used = 0;
  let total = 0;
  let agents = 0;
  let lost = 0;
  for (const node of nodes) {
    used += usedBytes(node);
    total += node.totalBytes;
    agents += node.agents;
    if (node.mark === 'lost') lost++;
  }
  const memory = total > 0 ? `, ${percent(used / total)} of the memory for models taken` : '';
  const gone = lost > 0 ? `, ${lost} lost` : '';
  return `${label}, site ${site}: ${plural(nodes.length, 'node')}${gone}${memory}, ${plural(agents, 'agent')}. The page Nodes lists them.`;
}

function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen?.scale(scale, scale);
  return pen;
}
function resolved(beside: HTMLElement): Colours {
  const probe = document.createElement('span');
  beside.parentElement?.append(probe);
  const found = Object.fromEntries(
    Object.entries(colours).map(([key, name]) => {
      probe.style.color = `var(${name})`;
      return [key, getComputedStyle(probe).color];
    }),
  ) as Colours;
  probe.remove();
  return found;
}

function paint(pen: CanvasRenderingContext2D, node: Packed, x: number, y: number, box: number, tones: Colours) {
  const { totalBytes, weights, restBytes, mark, change } = node;
  pen.fillStyle = tones.track;
  pen.fillRect(x, y, box, box);
  if (totalBytes > 0) {
    let held = 0;
    for (const { bytes: size } of weights) held += size;
    const up = (held / totalBytes) * box;
    const rest = (restBytes / totalBytes) * box;
    pen.fillStyle = tones.weights;
    pen.fillRect(x, y + box - up, box, up);
    pen.fillStyle = tones.rest;
    pen.fillRect(x, y + box - up - rest, box, rest);
  }
  const [tone, width, dash] =
    mark === 'lost'
      ? [tones.bad, 1.4, []]
      : change !== null
        ? [tones.changed, 1.6, []]
        : [tones.line, 0.8, mark === 'open' ? [] : [2, 2]];
  pen.strokeStyle = tone;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.strokeRect(x, y, box, box);
  if (mark !== 'lost') return;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + box, y + box);
  pen.moveTo(x + box, y);
  pen.lineTo(x, y + box);
  pen.stroke();
}
