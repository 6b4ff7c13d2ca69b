// An agent's spec as text a person edits (YAML or JSON) and back. Faults name the field and the line. Loads the YAML library: keep it
// out of bundles that need no editor.
import type { AgentSpec } from '@blackroad/protocol';
import { widened } from '@blackroad/protocol/agent-short';
import { type Document, LineCounter, parseAllDocuments, parseDocument, stringify } from 'yaml';

export type Language = 'yaml' | 'json';
/** A spec that may lack fields: the coordinator fills in defaults and says what is wrong. */
export type Draft = {
  [K in keyof AgentSpec]?: NonNullable<AgentSpec[K]> extends unknown[] | string | number
    ? AgentSpec[K]
    : Partial<AgentSpec[K]>;
};
/** As the coordinator is sent it: it fills in defaults and says what is wrong. */
export const unchecked = (draft: Draft): AgentSpec => draft as AgentSpec;
export interface Fault {
  field: string;
  /** A sentence. */
  text: string;
  /** From 1; null where there is no text. */
  line: number | null;
}
interface Read {
  draft: Draft;
  faults: Fault[];
  document: Document;
  lines: LineCounter;
}

/** In the order in which people think of an agent, whatever order it came in. */
const order = [
  'name',
  'description',
  'model',
  'instructions',
  'tools',
  'triggers',
  'memory',
  'placement',
  'onLoss',
  'load',
  'concurrency',
  'queue',
  'priority',
  'limits',
  'budget',
  'temperature',
];
function inOrder(draft: Draft): Record<string, unknown> {
  const rank = (key: string) => (order.indexOf(key) + 1 || order.length + 1) as number;
  return Object.fromEntries(
    Object.entries(draft)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => rank(a) - rank(b)),
  );
}
export function writeSpec(draft: Draft, language: Language): string {
  const spec = inOrder(draft);
  return language === 'json' ? `${JSON.stringify(spec, null, 2)}\n` : stringify(spec, { lineWidth: 0 });
}

type Parsed = Document.Parsed;
/** A divider before the agent or after it divides nothing. */
function documentsOf(text: string, lineCounter: LineCounter): [Parsed, ...Parsed[]] {
  const options = { lineCounter, prettyErrors: false };
  const all = parseAllDocuments(text, options);
  const isFull = (document: Parsed) => document.errors.length > 0 || document.toJS() !== null;
  const [first, ...others] = Array.isArray(all) ? all.filter(isFull) : [];
  return first ? [first, ...others] : [parseDocument('', options)];
}

/** JSON is YAML too: one reader for both. */
export function readSpec(text: string): Read {
  const lines = new LineCounter();
  const [document, second] = documentsOf(text, lines);
  const faults = document.errors.map(({ message, pos }) => ({
    field: '(text)',
    text: message,
    line: lines.linePos(pos[0]).line,
  }));
  if (second)
    faults.push({
      field: '(text)',
      text: 'This is more than one agent.',
      line: lines.linePos(second.range[0]).line,
    });
  if (faults.length > 0) return { draft: {}, faults, document: document as Document, lines };
  const value = widened(document.toJS());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push({
      field: '(text)',
      text: 'An agent is written as fields with values, such as `name: alice`.',
      line: 1,
    });
    return { draft: {}, faults, document: document as Document, lines };
  }
  return { draft: value as Draft, faults, document: document as Document, lines };
}
