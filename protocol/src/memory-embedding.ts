// The vector of a text on the wire.
import { maxVectorDimension } from './limits.ts';
import { Type } from './typebox.ts';

export const MemoryEmbedding = Type.Object({
  model: Type.String({ maxLength: 200 }),
  dimension: Type.Integer({ minimum: 1, maximum: maxVectorDimension }),
  vector: Type.String({ maxLength: 22_000, description: 'Little-endian float32, base64, unit length.' }),
});
