// Roll-ups as bytes: 64 neighbouring series of one moment in one row, a few bytes a figure. A figure is a bfloat16 (three digits are enough
// for any unit, and no chart shows more); zero uses no bytes and a constant figure a third. In: min, mean, max. Out: the same, rounded. The
// format of one series: its place in the part (1 byte), two bits a metric for its form (4 bytes), then the figures, 2 bytes each.

export const seriesPerPart = 64;
export const maxMetrics = 16;

export interface Span {
  min: number;
  mean: number;
  max: number;
}
/** The figures by number of the metric; null: not reported. */
export type Cell = (Span | null)[];

const absent = 0;
const zero = 1;
const steady = 2;
const full = 3;

const scratch = new DataView(new ArrayBuffer(4));
/** A bfloat16 is the upper half of a float32, rounded to nearest. */
export function toBfloat16(value: number): number {
  scratch.setFloat32(0, Number.isFinite(value) ? value : 0);
  const bits = scratch.getUint32(0);
  return Math.min(((bits + 0x8000) >>> 16) & 0xffff, 0xff7f);
}
export function fromBfloat16(half: number): number {
  scratch.setUint32(0, (half << 16) >>> 0);
  return scratch.getFloat32(0);
}

/** `cells`: by place in the part, 0 to 63. */
export function pack(cells: ReadonlyMap<number, Cell>): Uint8Array {
  const bytes = new Uint8Array(cells.size * (5 + maxMetrics * 6));
  const out = new DataView(bytes.buffer);
  let at = 0;
  for (const [place, cell] of cells) {
    bytes[at] = place;
    const formsAt = at + 1;
    let forms = 0;
    at += 5;
    cell.forEach((span, metric) => {
      if (!span) return;
      const [min, mean, max] = [toBfloat16(span.min), toBfloat16(span.mean), toBfloat16(span.max)];
      const form = min !== mean || mean !== max ? full : mean === 0 ? zero : steady;
      forms |= form << (metric * 2);
      if (form === zero) return;
      const halves = form === full ? [min, mean, max] : [mean];
      for (const half of halves) {
        out.setUint16(at, half);
        at += 2;
      }
    });
    out.setUint32(formsAt, forms >>> 0);
  }
  return bytes.subarray(0, at);
}

function* entries(bytes: Uint8Array): Generator<{ place: number; forms: number; at: number; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 5 <= bytes.byteLength; ) {
    const forms = view.getUint32(at + 1);
    let end = at + 5;
    for (let rest = forms; rest !== 0; rest >>>= 2) {
      const form = rest & 3;
      end += form === full ? 6 : form === steady ? 2 : 0;
    }
    // A row may be cut short by a damaged disk: the complete series of it are used.
    if (end > bytes.byteLength) return;
    yield { place: bytes[at] as number, forms, at: at + 5, end };
    at = end;
  }
}
function readSpan(view: DataView, forms: number, start: number, wanted: number): Span | null {
  let at = start;
  for (let metric = 0; metric < wanted; metric++) {
    const form = (forms >>> (metric * 2)) & 3;
    at += form === full ? 6 : form === steady ? 2 : 0;
  }
  const form = (forms >>> (wanted * 2)) & 3;
  if (form === absent) return null;
  if (form === zero) return { min: 0, mean: 0, max: 0 };
  const first = fromBfloat16(view.getUint16(at));
  if (form === steady) return { min: first, mean: first, max: first };
  return { min: first, mean: fromBfloat16(view.getUint16(at + 2)), max: fromBfloat16(view.getUint16(at + 4)) };
}

export function pick(bytes: Uint8Array, place: number, metric: number): Span | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const entry of entries(bytes)) if (entry.place === place) return readSpan(view, entry.forms, entry.at, metric);
  return null;
}

/** Several moments as one: the lowest min, the mean of the means, the highest max. */
export function combine(rows: readonly Uint8Array[]): Uint8Array {
  const sums = new Map<number, ((Span & { count: number }) | null)[]>();
  for (const bytes of rows) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { place, forms, at } of entries(bytes)) {
      let cell = sums.get(place);
      if (!cell) {
        cell = Array.from({ length: maxMetrics }, () => null);
        sums.set(place, cell);
      }
      for (let metric = 0; metric < maxMetrics; metric++) {
        const span = readSpan(view, forms, at, metric);
        if (!span) continue;
        const sum = cell[metric];
        if (!sum) cell[metric] = { ...span, count: 1 };
        else {
          sum.min = Math.min(sum.min, span.min);
          sum.max = Math.max(sum.max, span.max);
          sum.mean += span.mean;
          sum.count++;
        }
      }
    }
  }
  const cells = new Map<number, Cell>();
  for (const [place, cell] of sums)
    cells.set(
      place,
      cell.map((sum) => sum && { min: sum.min, mean: sum.mean / sum.count, max: sum.max }),
    );
  return pack(cells);
}
