// Whether a value fits a schema, by checks that are compiled at first use and kept for the life of the schema: 1,000 heartbeats a second
// would make interpretation the largest cost. Gives no words; protocol's `faults` has them.
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
