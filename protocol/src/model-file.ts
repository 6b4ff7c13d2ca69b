// The operator's file of models: YAML (or JSON) that adds entries to the catalogue and changes fields of those it has. A wrong entry is
// refused by line and field, and all others count. The index leaves it out: only the coordinator reads such a file. Pure.
import { type Document, LineCounter, parseDocument } from 'yaml';
import { faults } from './faults.ts';
import { KnownModel } from './known-model.ts';
import { modelKey } from './model-names.ts';
import { type Static, Type } from './typebox.ts';
import { lineOf } from './yaml-line.ts';

const { name, aliases, title, kind, licence, source, ollama, quantisation, contextTokens, tools, vision } =
  KnownModel.properties;
const Entry = Type.Object(
  {
    name,
    aliases: Type.Optional(aliases),
    title: Type.Optional(title),
    kind: Type.Optional(kind),
    licence: Type.Optional(licence),
    source,
    ollama,
    parametersB: Type.Optional(Type.Number({ minimum: 0, maximum: 100_000 })),
    quantisation: Type.Optional(quantisation),
    sizeGB: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100_000, description: 'A billion bytes each.' })),
    contextTokens: Type.Optional(contextTokens),
    tools: Type.Optional(tools),
    vision: Type.Optional(vision),
    tier: KnownModel.properties.tier,
  },
  { additionalProperties: false },
);
type Entry = Static<typeof Entry>;

/** More entries than a person writes. */
const maxEntries = 1000;

interface ReadModels {
  /** The whole catalogue: the shipped entries with the changes of the file, then those of the file alone. */
  models: KnownModel[];
  /** `models.yaml:7: models.2.sizeGB: expected number, got "big"`; an entry with a fault is as if it were not there. */
  faults: string[];
}

export function readModelFile(text: string, fileName: string, shipped: readonly KnownModel[]): ReadModels {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const line = lines.linePos(broken.pos[0]).line;
    return { models: [...shipped], faults: [`${fileName}:${line}: expected YAML: ${broken.message.split('\n')[0]}`] };
  }
  const found: string[] = [];
  const blame = (field: string, expected: string, got: string) =>
    found.push(`${fileName}:${lineOf(document as Document, field, lines)}: ${field}: expected ${expected}, got ${got}`);
  const models = new Map(shipped.map((model) => [modelKey(model.name), model]));
  const own = new Set<string>();
  for (const [index, value] of entriesOf(document.toJS(), blame).entries()) {
    const at = `models.${index}`;
    const wrong = faults(Entry, value);
    for (const { field, expected, got } of wrong) blame(field === '(root)' ? at : `${at}.${field}`, expected, got);
    if (wrong.length > 0) continue;
    const entry = value as Entry;
    const key = modelKey(entry.name);
    const before = models.get(key);
    if (own.has(key)) blame(`${at}.name`, 'each model once', JSON.stringify(entry.name));
    else if (!before && entry.sizeGB === undefined) blame(`${at}.sizeGB`, 'the size of a new model', 'nothing');
    else models.set(key, merged(before, entry));
    own.add(key);
  }
  return { models: [...models.values()], faults: found };
}

function entriesOf(value: unknown, blame: (field: string, expected: string, got: string) => void): unknown[] {
  // An empty file, or one with only comments.
  if (value === null || value === undefined) return [];
  const list = (value as { models?: unknown }).models;
  const others = typeof value === 'object' ? Object.keys(value).filter((key) => key !== 'models') : [];
  for (const key of others) blame(key, '`models` alone', 'another field');
  if (!Array.isArray(list)) {
    blame('models', 'a list of models', list === undefined ? 'nothing' : 'something else');
    return [];
  }
  if (list.length > maxEntries) blame('models', `at most ${maxEntries} models`, String(list.length));
  return list.slice(0, maxEntries);
}

function merged(before: KnownModel | undefined, { sizeGB, ...entry }: Entry): KnownModel {
  const size = sizeGB === undefined ? {} : { sizeBytes: Math.max(1, Math.round(sizeGB * 1e9)) };
  if (before) return { ...before, ...entry, ...size, name: before.name, from: 'changed' };
  return {
    aliases: [],
    title: entry.name.slice(0, 100),
    kind: 'chat',
    licence: '',
    ollama: entry.name,
    embedded: false,
    parametersB: 0,
    quantisation: '',
    sizeBytes: 1,
    contextTokens: 0,
    tools: false,
    vision: false,
    ...entry,
    ...size,
    from: 'file',
  };
}
