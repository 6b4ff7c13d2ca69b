// The one door to TypeBox, so that a bundler keeps only what is used (all of TypeBox costs a node-agent 20 MB of memory).
export type { Static, TSchema } from 'typebox';

import {
  Array as ArrayOf,
  Boolean as Bool,
  Integer,
  Literal,
  Null,
  Number as Num,
  Object as Obj,
  Optional,
  Record as Rec,
  String as Str,
  type TLiteral,
  type TSchema,
  type TUnion,
  Union,
  Unknown,
} from 'typebox';

/** A union of string literals: `OneOf('online', 'suspect')`. */
function OneOf<const T extends string[]>(values: readonly [...T], options: Record<string, unknown> = {}) {
  return Union(
    values.map((value) => Literal(value)),
    options,
  ) as unknown as TUnion<{ [K in keyof T]: TLiteral<T[K]> }>;
}
/** A schema or null. */
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
