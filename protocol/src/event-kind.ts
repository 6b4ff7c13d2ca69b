// One type of event: its severity, its params for programs, and its words for people, made from the params.
import { type Static, type TObject, type TProperties, Type } from './typebox.ts';

export const Severity = Type.OneOf(['info', 'warning', 'error']);
export type Severity = Static<typeof Severity>;

export interface EventKind<P extends TProperties> {
  severity: Severity;
  /** Where the severity depends on the params. */
  graded?: (params: Static<TObject<P>>) => Severity;
  /** For the documentation: what happened. */
  title: string;
  params: TObject<P>;
  words: (params: Static<TObject<P>>) => string;
}
export function kind<P extends TProperties>(
  severity: Severity,
  title: string,
  params: P,
  words: (params: Static<TObject<P>>) => string,
  graded?: (params: Static<TObject<P>>) => Severity,
): EventKind<P> {
  return { severity, title, params: Type.Object(params), words, graded };
}

/** For params: a text that a node, a person or a program wrote. */
export const Words = Type.String({ maxLength: 1000 });
export const ModelName = Type.String({ maxLength: 200 });
export const Count = Type.Integer({ minimum: 0 });
