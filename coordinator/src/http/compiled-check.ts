// Whether a value fits a schema, by checks that are compiled at first use and kept as long as the schema: at 1,000 heartbeats a second
// interpretation would be the largest cost. The texts of faults come from `faults` of protocol.
import type { TSchema } from '@blackroad/protocol';
import { Compile } from 'typebox/schema';

const compiled = new WeakMap<TSchema, (value: unknown) => boolean>();

export function compiledCheck(schema: TSchema, value: unknown): boolean {
  let fits = compiled.get(schema);
  if (!fits) {
    const validator = Compile(schema);
    fits = (candidate) => validator.Check(candidate);
    compiled.set(schema, fits);
  }
  return fits(value);
}
