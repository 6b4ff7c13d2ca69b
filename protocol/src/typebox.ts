// The only file that imports TypeBox's values, so that a bundler keeps only those used (all of TypeBox costs a node-agent 20 MB of memory).
export type { Static, TLiteral, TObject, TOptional, TProperties, TSchema } from 'typebox';

import {
  Number as AnyNumber,
  Array as ArrayOf,
  Boolean as Bool,
  Integer as Int,
  Literal,
  Null,
  Object as Obj,
  Optional,
  Record as Rec,
  String as Str,
  type TSchema,
  type TUnsafe,
  Union,
  Unknown,
} from 'typebox';
import { maxCount, maxMeasure } from './limits.ts';

/** A union of string literals: `OneOf(['online', 'suspect'])`. */
function OneOf<const T extends string>(values: readonly T[], options: Record<string, unknown> = {}) {
  const anyOf = values.map((value) => Literal(value));
  return Union(anyOf, options) as unknown as TUnsafe<T> & { anyOf: { const: T }[] };
}
/** JSON allows 1.7e308: a number without a ceiling would make every sum of it useless. A schema sets a lower ceiling where it can. */
function Integer(options: NumberOptions = {}) {
  return Int({ ...floorOf(options), maximum: maxCount, ...options });
}
function Num(options: NumberOptions = {}) {
  return AnyNumber({ ...floorOf(options), maximum: maxMeasure, ...options });
}
type NumberOptions = Record<string, unknown>;
function floorOf(options: NumberOptions) {
  return 'minimum' in options || 'exclusiveMinimum' in options ? {} : { minimum: -maxMeasure };
}
function Nullable<T extends TSchema>(schema: T, options: Record<string, unknown> = {}) {
  return Union([schema, Null()], options);
}

export const Type = {
  Array: ArrayOf,
  Boolean: Bool,
  Integer,
  Literal,
  Null,
  Number: Num,
  Object: Obj,
  Optional,
  Record: Rec,
  String: Str,
  Union,
  Unknown,
  OneOf,
  Nullable,
};
