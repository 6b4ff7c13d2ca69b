// What an agent file is: agents that a person wrote in YAML (or JSON), read into specs. Every fault names the line of the file it is on.
// The index leaves it out: nodes read no such file and need no YAML library. Pure.
import { LineCounter, parseAllDocuments } from 'yaml';
import { AgentSpec } from './agent.ts';
import { widened } from './agent-short.ts';
import { withDefaults } from './codec.ts';
import { faults } from './faults.ts';
import { FleetError } from './problem.ts';
import { lineOf } from './yaml-line.ts';

/** The parser's message for the most frequent mistakes, in plain words. */
function yamlWords(message: string): string {
  if (message.startsWith('Nested mappings are not allowed'))
    return 'a second ": " on one line; put the text in quotes, or the inner fields on lines of their own';
  return message.split('\n')[0] as string;
}

/** One file may hold several agents, separated by `---`. @throws FleetError invalid-request, one fault a line */
export function readAgentFile(text: string, fileName: string): AgentSpec[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const specs: AgentSpec[] = [];
  const wrong: { line: number; field: string; expected: string; got: string }[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    // The first error of a document; its further errors are consequences of the first.
    const [error] = document.errors;
    if (error)
      wrong.push({
        line: lines.linePos(error.pos[0]).line,
        field: '(file)',
        expected: 'YAML',
        got: yamlWords(error.message),
      });
    if (document.errors.length > 0) continue;
    const value = document.toJS();
    // A `---` before the first agent or after the last one makes an empty document.
    if (value === null) continue;
    const spec = withDefaults<AgentSpec>(AgentSpec, widened(value));
    const found = faults(AgentSpec, spec);
    for (const fault of found) wrong.push({ line: lineOf(document, fault.field, lines), ...fault });
    if (found.length === 0) specs.push(spec);
  }
  if (wrong.length > 0) {
    wrong.sort((a, b) => a.line - b.line);
    const detail = wrong
      .map(({ line, field, expected, got }) => `${fileName}:${line}: ${field}: expected ${expected}, got ${got}`)
      .join('\n');
    throw new FleetError('invalid-request', { detail, faults: wrong.map(({ line: _, ...fault }) => fault) });
  }
  if (specs.length === 0) throw new FleetError('invalid-request', { detail: `${fileName}: holds no agent.` });
  return specs;
}
