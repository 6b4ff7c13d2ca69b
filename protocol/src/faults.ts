// The faults of a value, in words a person can act on: the field, the expected value, the value that came.
import { Errors } from 'typebox/schema';
import { Settings } from 'typebox/system';
import { expectedOf, type Fault, type FaultRule, mostListed } from './fault-words.ts';
import { patternWords } from './ids.ts';
import { listInWords } from './list-words.ts';
import { nearNames } from './near.ts';
import { type TSchema, Type } from './typebox.ts';

// The default stops at 8 errors, which cuts a list of allowed values short.
Settings.Set({ maxErrors: 100 });

/** The first fault of a value in words: `concurrency: expected integer, got "many"`. Empty when the value is valid. */
export function explain(schema: TSchema, value: unknown): string {
  const fault = faults(schema, value)[0];
  return fault ? `${fault.field}: expected ${fault.expected}, got ${fault.got}` : '';
}

/**
 * Every fault of a value, deepest first. Of a union whose variants name themselves, by what a field says or by which field is there, only the
 * named variant is checked.
 */
export function faults(schema: TSchema, value: unknown): Fault[] {
  return found(schema, value)
    .sort((a, b) => b.path.length - a.path.length)
    .map(({ path, rule: broken }) => {
      const given = at(value, path);
      const rule = withNear(broken, given);
      const field = path.length === 0 ? '(root)' : path.join('.');
      return { field, expected: expectedOf(rule), got: shownValue(given), rule };
    });
}
function withNear(rule: FaultRule, given: unknown): FaultRule {
  if (rule.rule !== 'one-of' || rule.values.length <= mostListed || typeof given !== 'string') return rule;
  return {
    ...rule,
    near: nearNames(
      given,
      rule.values.filter((value) => typeof value === 'string'),
    ),
  };
}

interface Found {
  path: readonly string[];
  rule: FaultRule;
}

function found(schema: TSchema, value: unknown): Found[] {
  const [fits, errors] = Errors(schema, value);
  if (fits) return [];
  const named = namedUnions(schema, value, []);
  const isInside = (path: readonly string[]) => named.some((union) => union.path.every((key, i) => path[i] === key));
  const seen = new Map<string, { path: readonly string[]; rules: FaultRule[] }>();
  const push = (path: readonly string[], rule: FaultRule) => {
    if (isInside(path)) return;
    const key = JSON.stringify(path);
    const entry = seen.get(key) ?? { path, rules: [] };
    entry.rules.push(rule);
    seen.set(key, entry);
  };
  for (const { keyword, instancePath, message, params } of errors) {
    const path = keysOf(instancePath);
    const given = params as Record<string, unknown>;
    const names = (kind: string) => (given[kind] as string[] | undefined) ?? [];
    if (keyword === 'required')
      for (const key of names('requiredProperties')) push([...path, key], { rule: 'required' });
    else if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties')
      for (const key of [...names('additionalProperties'), ...names('unevaluatedProperties')])
        push([...path, key], { rule: 'no-such-field', near: nearField(schema, value, path, key) });
    else if (keyword !== 'anyOf' && keyword !== 'boolean') push(path, ruleOf(keyword, given, message));
  }
  const own = [...seen.values()].map(({ path, rules }) => ({ path, rule: together(rules) }));
  const deeper = named.flatMap(({ path, schema, rule }) =>
    rule
      ? [{ path, rule }]
      : found(schema, at(value, path)).map((fault) => ({ ...fault, path: [...path, ...fault.path] })),
  );
  return [...own, ...deeper];
}

function ruleOf(keyword: string, given: Record<string, unknown>, message: string): FaultRule {
  const limit = Number(given.limit);
  switch (keyword) {
    case 'const':
      return { rule: 'one-of', values: [given.allowedValue] };
    case 'type':
      return { rule: 'type', type: String(given.type) };
    case 'pattern':
      return { rule: 'other', words: patternInWords(String(given.pattern)) };
    case 'minimum':
      return { rule: 'bound', comparison: '>=', limit };
    case 'maximum':
      return { rule: 'bound', comparison: '<=', limit };
    case 'exclusiveMinimum':
      return { rule: 'bound', comparison: '>', limit };
    case 'exclusiveMaximum':
      return { rule: 'bound', comparison: '<', limit };
    case 'minLength':
      return { rule: 'length', bound: 'least', limit, of: 'characters' };
    case 'maxLength':
      return { rule: 'length', bound: 'most', limit, of: 'characters' };
    case 'minItems':
      return { rule: 'length', bound: 'least', limit, of: 'items' };
    case 'maxItems':
      return { rule: 'length', bound: 'most', limit, of: 'items' };
    default:
      // The checker's own message, which begins with one of these words.
      return { rule: 'other', words: message.replace(/^must (be |have |match )?/, '') };
  }
}
/** The rules that one value broke: each variant of a union reports its own. */
function together(rules: readonly FaultRule[]): FaultRule {
  const values = rules.flatMap((each) => (each.rule === 'one-of' ? each.values : []));
  // Literals of a union report `type` beside each value: the values are more useful.
  if (values.length > 0) return { rule: 'one-of', values: [...new Set(values)] };
  const said = [...new Set(rules.map(expectedOf))];
  return said.length === 1 && rules[0] ? rules[0] : { rule: 'other', words: said.join(' or ') };
}

type Node = {
  anyOf?: TSchema[];
  properties?: Record<string, TSchema>;
  required?: string[];
  items?: TSchema;
  const?: unknown;
};

interface NamedUnion {
  path: readonly string[];
  /** The variant that the value names. */
  schema: TSchema;
  /** The value names no variant, or two. */
  rule?: FaultRule;
}
/** Unions of objects that each name their kind in one field, or by one field, with the variant that the value names. */
function namedUnions(schema: TSchema, value: unknown, path: readonly string[]): NamedUnion[] {
  const node = schema as Node;
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) {
    const { items } = node;
    return items ? value.flatMap((each, i) => namedUnions(items, each, [...path, String(i)])) : [];
  }
  if (node.anyOf) {
    const key = nameOf(node.anyOf as Node[]);
    if (key === null) return namedByField(node.anyOf, value, path);
    const said = (value as Record<string, unknown>)[key];
    const variant = node.anyOf.find(
      (each) => (each as Node).properties?.[key] && literalOf(each as Node, key) === said,
    );
    const names = node.anyOf.map((each) => Type.Literal(literalOf(each as Node, key) as string));
    // The value names no variant: only the name is then reported as wrong.
    return [{ path, schema: variant ?? Type.Object({ [key]: Type.Union(names) }) }];
  }
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    namedUnions(child, (value as Record<string, unknown>)[key], [...path, key]),
  );
}
/** Of variants that each require a field which no other has: the one whose field is there. */
function namedByField(variants: readonly TSchema[], value: object, path: readonly string[]): NamedUnion[] {
  const keys = variants.map((each) =>
    ((each as Node).required ?? []).find((key) =>
      variants.every((other) => other === each || !(key in ((other as Node).properties ?? {}))),
    ),
  );
  if (keys.some((key) => key === undefined)) return [];
  const names = keys as string[];
  const there = names.filter((key) => Object.hasOwn(value, key));
  const schema = variants[names.indexOf(there[0] ?? '')] ?? Type.Object({});
  if (there.length === 1) return [{ path, schema }];
  const words = `a group with one of the fields ${listInWords(names, 'or', names.length)}${there.length === 0 ? '' : ', and no other of them'}`;
  return [{ path, schema, rule: { rule: 'other', words } }];
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

function nearField(schema: TSchema, value: unknown, path: readonly string[], key: string): string | undefined {
  return nearNames(key, knownFields(schema, value, path))[0];
}
/** Names of the fields that are allowed at a path. */
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
