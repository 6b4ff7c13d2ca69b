// Where the settings of a personal file stand in its text: the whole of it, or the value of a key of another file's. Pure.
import { type Document, isMap } from 'yaml';

export function within({ contents }: Document, under: string | undefined): unknown {
  if (under === undefined) return contents;
  return isMap(contents) ? (contents.get(under, true) ?? null) : null;
}
