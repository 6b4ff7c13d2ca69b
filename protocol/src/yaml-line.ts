// The line of a field in a YAML or JSON text, so that a fault can name it. The console's editor loads it with the YAML library and
// without a schema. Pure.
import type { Document, LineCounter } from 'yaml';

/** The line of a field (`limits.maxTokens`, `tools.0.hosts`), or of the nearest part of the text around it. From 1. */
export function lineOf(document: Document, field: string, lines: LineCounter): number {
  const path = field === '(root)' ? [] : field.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  for (let length = path.length; length >= 0; length--) {
    const parent = length > 0 ? document.getIn(path.slice(0, length - 1), true) : document.contents;
    const items = (parent as { items?: { key?: { value?: unknown; range?: number[] } }[] } | undefined)?.items;
    const pair = items?.find((item) => item.key?.value === path[length - 1]);
    const range =
      pair?.key?.range ?? (document.getIn(path.slice(0, length), true) as { range?: number[] } | undefined)?.range;
    if (range) return lines.linePos(range[0] as number).line;
  }
  return 1;
}
