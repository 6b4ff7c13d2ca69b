// Paints the nodes of a site as cells of a canvas, row by row: a shape by class, filled by memory in use, in the colour of its standing.
import type { NodeLine } from '@blackroad/protocol';
import { shapePath } from '../../fleet/class-shape.tsx';
import { memoryUsed, standingOf } from '../../fleet/node-health.ts';
import type { Tone } from '../../kit/looks.ts';

/** The side of a cell in pixels. */
export const cell = 13;
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
/** What the canvas shows: most news of a heartbeat changes nothing that is seen, and only cells that look different are painted. */
interface Painted {
  frame: string;
  looks: string[];
  colours: Colours | null;
}

export const nothingPainted: Painted = { frame: '', looks: [], colours: null };

/** Paints the cells that look different from what the canvas shows. `theme`: other colours in the same place are another picture. */
export function paintNodes(
  canvas: HTMLCanvasElement,
  was: Painted,
  nodes: readonly NodeLine[],
  columns: number,
  theme: string,
): Painted {
  const pen = canvas.getContext('2d');
  if (!pen) return was;
  const rows = Math.ceil(nodes.length / columns);
  const scale = devicePixelRatio || 1;
  const frame = `${columns} ${rows} ${scale} ${theme}`;
  if (frame !== was.frame) {
    canvas.width = columns * cell * scale;
    canvas.height = rows * cell * scale;
    canvas.style.width = `${columns * cell}px`;
    canvas.style.height = `${rows * cell}px`;
    pen.scale(scale, scale);
  }
  const { looks, colours } = frame === was.frame ? was : { looks: [], colours: coloursBeside(canvas) };
  const now = nodes.map((node, i) => {
    const { tone } = standingOf(node);
    const used = Math.round((memoryUsed(node) ?? 0) * steps) / steps;
    const look = `${node.class} ${tone} ${used}`;
    if (look !== looks[i]) {
      const { x, y } = clearCell(pen, i, columns);
      if (colours) paint(pen, x + cell / 2, y + cell / 2, node.class, tone, used, colours);
    }
    return look;
  });
  for (let i = nodes.length; i < looks.length; i++) clearCell(pen, i, columns);
  return { frame, looks: now, colours };
}
function clearCell(pen: CanvasRenderingContext2D, i: number, columns: number): { x: number; y: number } {
  const x = (i % columns) * cell;
  const y = Math.floor(i / columns) * cell;
  pen.clearRect(x, y, cell, cell);
  return { x, y };
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
