// A row of the table of topics.
import type { Permission } from './permissions.ts';
import type { TSchema } from './typebox.ts';

type Writer = 'node' | 'coordinator' | 'people';

export interface TopicRow<S extends TSchema = TSchema> {
  /** Below the root; `{x}` is one level, `{below}` at the end one or more. `{node}` is bound to the node's own id on its connection. */
  pattern: string;
  writer: Writer;
  qos: 0 | 1;
  retain: boolean;
  schema: S;
  maxBytes: number;
  text: string;
  /** For topics that people write on: the permission that their key must have. */
  needs?: Permission;
}
export const topicRow = <S extends TSchema>(
  writer: Writer,
  pattern: string,
  qos: 0 | 1,
  retain: boolean,
  schema: S,
  maxBytes: number,
  text: string,
): TopicRow<S> => ({ pattern, writer, qos, retain, schema, maxBytes, text });

/** JSON escapes can triple a prompt or a result. */
export const withEnvelope = (bytes: number) => bytes + 8 * 1024;
