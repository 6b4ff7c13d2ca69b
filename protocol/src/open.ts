// A schema that people fill in is closed: a misspelt field is an error that names it. On the wire the same schema is open, because a
// newer peer may send fields this version does not know, and one of them must not make a node refuse its whole assignment.
import type { TSchema } from './typebox.ts';

/** The same schema, with unknown fields allowed on every level. Records keep their rule for keys: it is part of their meaning. */
export function opened<S extends TSchema>(schema: S): S {
  return openedValue(schema) as S;
}
function openedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(openedValue);
  if (typeof value !== 'object' || value === null) return value;
  // TypeBox marks its schemas (`~kind`, `~optional`) with properties that are not enumerable.
  const copy = Object.create(Object.getPrototypeOf(value), Object.getOwnPropertyDescriptors(value));
  for (const key of Object.keys(copy)) copy[key] = key === 'default' ? copy[key] : openedValue(copy[key]);
  if ('properties' in copy && copy.additionalProperties === false) delete copy.additionalProperties;
  return copy;
}
