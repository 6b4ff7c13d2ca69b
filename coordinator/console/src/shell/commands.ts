// The actions of the command palette beside navigation: pages add their own while they are open.

import type { ReactNode } from 'react';
import { useEffect, useSyncExternalStore } from 'react';

export interface Command {
  id: string;
  text: string;
  icon?: ReactNode;
  /** Other words people may look for it with. */
  words?: string;
  act(): void;
}
let commands: readonly Command[] = [];
const watchers = new Set<() => void>();
function set(now: readonly Command[]) {
  commands = now;
  for (const each of watchers) each();
}
const watch = (changed: () => void) => {
  watchers.add(changed);
  return () => watchers.delete(changed);
};
export const useAllCommands = () => useSyncExternalStore(watch, () => commands);

/** Offers commands in the palette while the component is on the page. `mine` should be memoised. */
export function useCommands(mine: readonly Command[]): void {
  useEffect(() => {
    set([...commands, ...mine]);
    return () => set(commands.filter((each) => !mine.includes(each)));
  }, [mine]);
}
