// The names of the empty files that say which objects are in an object store. Pure: backups read them too.

/** `there`: it is in the store, or on its way; `gone`: it has to be removed there. */
export type ObjectMark = 'there' | 'gone';
const form = /^([0-9a-f]{64})\.(\d{1,15})\.(there|gone)$/;

/** Null: the name is no mark. */
export function readObjectMark(name: string): { sha256: string; bytes: number; mark: ObjectMark } | null {
  const [, sha256, bytes, mark] = form.exec(name) ?? [];
  return sha256 === undefined ? null : { sha256, bytes: Number(bytes), mark: mark as ObjectMark };
}
export function objectMarkName({ sha256, bytes }: { sha256: string; bytes: number }, mark: ObjectMark): string {
  return `${sha256}.${bytes}.${mark}`;
}
