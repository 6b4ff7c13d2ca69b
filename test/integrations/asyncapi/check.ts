// The document of the topics against the parser of AsyncAPI itself, which knows the whole specification.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fetched } from '../fetched.ts';
import type { Proofs } from '../proofs.ts';

const version = '3.6.6';
const document = resolve(import.meta.dirname, '../../../docs/asyncapi.json');

interface Diagnostic {
  /** 0: an error, 1: a warning, 2: information, 3: a hint. */
  severity: number;
  code: string;
  message: string;
  path: (string | number)[];
}
interface ParserModule {
  Parser: new () => { parse(text: string): Promise<{ document?: unknown; diagnostics: Diagnostic[] }> };
}

export async function asyncapi(proofs: Proofs, say: (line: string) => void): Promise<void> {
  const name = '@asyncapi/parser';
  const program = `${name} ${version}`;
  const folder = fetched(name, version, '54 MB', say);
  const { Parser } = createRequire(join(folder, 'package.json'))(name) as ParserModule;
  const prove = proofs.of(program);
  const judged = async (text: string) => {
    const { document, diagnostics } = await new Parser().parse(text);
    const said = diagnostics.map(({ code, message, path }) => `${path.join('.')}: ${code}, ${message}`);
    return document === undefined || said.length > 0 ? said.slice(0, 3).join('; ') || 'it gave no document' : true;
  };
  const text = readFileSync(document, 'utf8');
  await prove('docs/asyncapi.json has no error, no warning and no advice', 0, () => judged(text));
  const bent = JSON.stringify({ ...JSON.parse(text), operations: { bent: { action: 'shout' } } });
  await prove('a document with a fault has one', 0, async () => (await judged(bent)) !== true);
}
