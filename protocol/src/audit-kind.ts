// One action of the audit log: its title, its params for programs, and its words for people.
import { type Static, type TObject, type TProperties, Type } from './typebox.ts';

interface AuditKind<P extends TProperties> {
  /** The act of the principal, to be read after its name: `key:ada` cordoned a node. */
  title: string;
  params: TObject<P>;
  /** The target of the action. */
  subject: (params: Static<TObject<P>>) => string;
  words: (params: Static<TObject<P>>) => string;
}
export function kind<P extends TProperties>(
  title: string,
  params: P,
  subject: (params: Static<TObject<P>>) => string,
  words: (params: Static<TObject<P>>) => string,
): AuditKind<P> {
  return { title, params: Type.Object(params), subject, words };
}
