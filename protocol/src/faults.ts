// What is wrong with a value, in words a person can act on: the field, what was expected there, what came.
import { Errors } from 'typebox/schema';
import { Settings } from 'typebox/system';
import { patternWords } from './ids.ts';
import { nearNames } from './near.ts';
import { type TSchema, Type } from './typebox.ts';

// The default stops at 8 errors, which cuts a list of allowed values short.
Settings.Set({ maxErrors: 100 });

export interface Fault {
  /** Dotted path, `(root)` for the value itself. */
  field: string;
  expected: string;
  got: string;
}

/** The first fault of a value in words: `concurrency: expected integer, got "many"`. Empty when it fits. */
export function explain(schema: TSchema, value: unknown): string {
  const fault = faults(schema, value)[0];
  return fault ? `${fault.field}: expected ${fault.expected}, got ${fault.got}` : '';
}

/** Every fault of a value, deepest first. Of a union whose variants name themselves, only the named variant is judged. */
export function faults(schema: TSchema, value: unknown): Fault[] {
  return found(schema, value)
    .sort((a, b) => b.path.length - a.path.length)
    .map(({ path, expected }) => ({
      field: path.length === 0 ? '(root)' : path.join('.'),
      expected,
      got: shownValue(at(value, path)),
    }));
}

interface Found {
  path: readonly string[];
  expected: string;
}

function found(schema: TSchema, value: unknown): Found[] {
  const [fits, errors] = Errors(schema, value);
  if (fits) return [];
  const named = namedUnions(schema, value, []);
  const isInside = (path: readonly string[]) => named.some((union) => union.path.every((key, i) => path[i] === key));
  const seen = new Map<string, { path: readonly string[]; keywords: string[]; details: string[] }>();
  const push = (path: readonly string[], keyword: string, detail: string) => {
    if (isInside(path)) return;
    const key = JSON.stringify(path);
    const entry = seen.get(key) ?? { path, keywords: [], details: [] };
    if (!entry.details.includes(detail)) entry.details.push(detail);
    entry.keywords.push(keyword);
    seen.set(key, entry);
  };
  for (const { keyword, instancePath, message, params } of errors) {
    const path = keysOf(instancePath);
    const given = params as Record<string, unknown>;
    const names = (kind: string) => (given[kind] as string[] | undefined) ?? [];
    if (keyword === 'required')
      for (const key of names('requiredProperties')) push([...path, key], keyword, 'a value (it is required)');
    else if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties')
      for (const key of [...names('additionalProperties'), ...names('unevaluatedProperties')])
        push([...path, key], keyword, noSuchField(schema, value, path, key));
    else if (keyword === 'const') push(path, keyword, JSON.stringify(given.allowedValue));
    else if (keyword === 'pattern') push(path, keyword, patternInWords(String(given.pattern)));
    else if (keyword !== 'anyOf' && keyword !== 'boolean')
      push(path, keyword, message.replace(/^must (be |have |match )?/, ''));
  }
  const own = [...seen.values()].map(({ path, keywords, details }) => {
    // Literals of a union report `type` beside each `const`: the values say more.
    const shown = keywords.includes('const') ? details.filter((detail) => detail.startsWith('"')) : details;
    return { path, expected: shown.join(' or ') };
  });
  const deeper = named.flatMap(({ path, schema }) =>
    found(schema, at(value, path)).map((fault) => ({ ...fault, path: [...path, ...fault.path] })),
  );
  return [...own, ...deeper];
}

type Node = { anyOf?: TSchema[]; properties?: Record<string, TSchema>; items?: TSchema; const?: unknown };

/** Unions of objects that each say in one field which they are, with the variant that the value says it is. */
function namedUnions(
  schema: TSchema,
  value: unknown,
  path: readonly string[],
): { path: readonly string[]; schema: TSchema }[] {
  const node = schema as Node;
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) {
    const { items } = node;
    return items ? value.flatMap((each, i) => namedUnions(items, each, [...path, String(i)])) : [];
  }
  if (node.anyOf) {
    const key = nameOf(node.anyOf as Node[]);
    if (key === null) return [];
    const said = (value as Record<string, unknown>)[key];
    const variant = node.anyOf.find(
      (each) => (each as Node).properties?.[key] && literalOf(each as Node, key) === said,
    );
    const names = node.anyOf.map((each) => Type.Literal(literalOf(each as Node, key) as string));
    // Which one is meant is not known: then only its name is wrong.
    return [{ path, schema: variant ?? Type.Object({ [key]: Type.Union(names) }) }];
  }
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    namedUnions(child, (value as Record<string, unknown>)[key], [...path, key]),
  );
}
/** The field that every variant has with a literal of its own. */
function nameOf(variants: readonly Node[]): string | null {
  const [first, ...rest] = variants;
  const keys = Object.keys(first?.properties ?? {});
  return keys.find((key) => [first, ...rest].every((each) => typeof literalOf(each as Node, key) === 'string')) ?? null;
}
function literalOf(variant: Node, key: string): unknown {
  return (variant.properties?.[key] as Node | undefined)?.const;
}

function noSuchField(schema: TSchema, value: unknown, path: readonly string[], key: string): string {
  const [near] = nearNames(key, knownFields(schema, value, path));
  return near === undefined ? 'no field of that name' : `no field of that name (did you mean ${near}?)`;
}
/** Names of the fields that may stand at a path. */
function knownFields(schema: TSchema, value: unknown, path: readonly string[]): string[] {
  const node = schema as Node;
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(node.properties ?? {});
  const child = Array.isArray(value) ? node.items : node.properties?.[key];
  return child ? knownFields(child, at(value, [key]), rest) : [];
}

function patternInWords(pattern: string): string {
  return patternWords[pattern] ?? `text matching ${pattern}`;
}
function keysOf(instancePath: string): string[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}
function at(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = '(too deep to show)'; // a request body over HTTP; messages were refused before
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
