// Where a verb saves a file that it fetches. In: what --to names. Out: a path at which nothing is yet.
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { wrongUse } from './verb.ts';

/** The path of a file that is named, or that goes into a folder under its own name. */
export function placeFor(to: string, name: string): string {
  const path = resolve(to);
  const isFolder = to.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory();
  const place = isFolder ? join(path, name) : path;
  if (existsSync(place)) throw wrongUse(`--to: expected a file that does not exist, got ${place}.`);
  return place;
}
