// The pages of the console as its build finds them, and an address of each: what goes over every page needs no list of its own, and a new
// page is in it by itself.
import { routesWithPages } from '../../coordinator/console/found.ts';

const src = new URL('../../coordinator/console/src/', import.meta.url);

export interface ConsolePage {
  /** Of its route file: `new-agent`. */
  name: string;
  /** `/agents/$agent`. */
  path: string;
  nav?: { text: string; key?: string };
}
export async function consolePages(): Promise<ConsolePage[]> {
  const found = routesWithPages().map(async (file): Promise<ConsolePage> => {
    const { route } = (await import(new URL(file, src).href)) as { route: Omit<ConsolePage, 'name'> };
    return { ...route, name: (/([^/]+)\.route\.ts$/.exec(file) as RegExpExecArray)[1] as string };
  });
  return Promise.all(found);
}

/** Where a page is, with a thing of each kind that addresses name. */
export function addressOf({ name, path }: ConsolePage, things: Record<string, string>): string {
  return path.replace(/\$(\w+)/g, (_, kind: string) => {
    const thing = things[kind];
    if (thing === undefined) throw new Error(`${name} is at ${path}: which ${kind} to open is told nowhere`);
    return encodeURIComponent(thing);
  });
}
