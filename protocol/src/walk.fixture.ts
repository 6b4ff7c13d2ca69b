// For tests: which branch of a union a value belongs to, by its `type`.
import type { TSchema } from './typebox.ts';

interface Shape {
  required?: string[];
  anyOf?: Shape[];
  properties?: Record<string, { const?: unknown }>;
}
export function schemaOf(schema: TSchema, value: unknown): Shape {
  const shape = schema as Shape;
  const type = (value as { type?: unknown } | null)?.type;
  return shape.anyOf?.find(({ properties }) => properties?.type?.const === type) ?? shape;
}
