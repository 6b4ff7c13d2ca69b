// The faults that the coordinator found in a spec, at their fields and, for a text, at their lines.
import { lineOf } from '@blackroad/protocol/yaml-line';
import { ApiProblem } from '../../data/api.ts';
import { wordsOf } from '../../kit/words.ts';
import { type Fault, readSpec } from './spec-text.ts';

/** `text`: null where the spec is a form. */
export function faultsOf(error: unknown, text: string | null): Fault[] {
  const found = error instanceof ApiProblem ? (error.problem?.faults ?? []) : [];
  if (found.length === 0) return [{ field: 'agent', text: wordsOf(error), line: null }];
  const read = text === null ? null : readSpec(text);
  return found.map(({ field, expected, got, text: words }) => {
    // A what-if holds the spec inside of a list.
    const own = field.replace(/^add\.\d+\.spec\./, '');
    const line = read ? lineOf(read.document, own, read.lines) : null;
    return { field: own, text: words?.replace(field, own) ?? `expected ${expected}, got ${got}`, line };
  });
}
