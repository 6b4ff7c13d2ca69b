// The shape of a hardware class, the same in the grid, in tables and in legends. The fill is the memory in use, the colour the health.
import type { Tone } from '../kit/looks.ts';

type Point = [x: number, y: number];
const polygon = (corners: number, turn = 0): Point[] =>
  Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * 2 * Math.PI + turn - Math.PI / 2;
    return [Math.cos(angle), Math.sin(angle)];
  });
const square: Point[] = polygon(4, Math.PI / 4).map(([x, y]) => [x * 1.2, y * 1.2]);
const corners: Record<string, Point[]> = {
  micro: polygon(3).map(([x, y]) => [x * 1.1, y * 1.1 + 0.2]),
  cpu: square,
  'edge-gpu': polygon(4).map(([x, y]) => [x * 1.08, y * 1.08]),
  gpu: polygon(6),
  cloud: polygon(5),
};
export const classShapes = ['micro', 'pi', 'edge-gpu', 'cpu', 'gpu', 'cloud'] as const;

/** An SVG path within the square of half-width `r` around (x, y). `pi` and classes of one's own are round. */
export function shapePath(kind: string, x: number, y: number, r: number): string {
  const points = corners[kind];
  if (!points) return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  return `M${points.map(([dx, dy]) => `${(x + dx * r).toFixed(2)} ${(y + dy * r).toFixed(2)}`).join('L')}Z`;
}

/** `used` from 0 to 1 fills from below; null leaves it empty. A cross or an exclamation mark repeats what the colour shows. */
export function ClassShape({
  kind,
  tone,
  used,
  size = 34,
}: {
  kind: string;
  tone: Tone;
  used: number | null;
  size?: number;
}) {
  const d = shapePath(kind, 17, 17, 13);
  return (
    <svg className={`class-shape ${tone}`} viewBox="0 0 34 34" width={size} height={size} aria-hidden="true">
      <path d={d} className="body" />
      <path d={d} className="fill" style={{ clipPath: `inset(${100 - 100 * (used ?? 0)}% 0 0 0)` }} />
      <path d={d} className="edge" />
      {tone === 'bad' && <path d="m12 12 10 10m0-10-10 10" className="mark-line" />}
      {tone === 'warn' && <path d="M17 10v8m0 4v2" className="mark-line" />}
    </svg>
  );
}
