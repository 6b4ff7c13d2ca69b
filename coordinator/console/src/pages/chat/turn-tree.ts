// A conversation as a tree of tasks: a message that is edited or asked again stands beside the first try. Which of the tries are shown, from
// the first message to the last. Pure.
interface Turn {
  id: string;
  /** The turn that it follows; missing: it is a first message. */
  after?: string | undefined;
}
export interface Placed<T extends Turn> {
  turn: T;
  /** All tries of this message by id, oldest first; this one is among them. */
  tries: readonly string[];
}

/** The turns up to `leaf`; null, or one that is not there: up to the newest. */
export function pathTo<T extends Turn>(turns: readonly T[], leaf: string | null): Placed<T>[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const path: Placed<T>[] = [];
  let turn = (leaf === null ? undefined : byId.get(leaf)) ?? turns.at(-1);
  while (turn && path.length < turns.length) {
    const { after } = turn;
    path.unshift({ turn, tries: turns.filter((each) => each.after === after).map(({ id }) => id) });
    turn = after === undefined ? undefined : byId.get(after);
  }
  return path;
}

/** The newest turn that follows this one in the end; itself where nothing does. */
export function newestBelow(turns: readonly Turn[], id: string): string {
  const next = turns.findLast(({ after }) => after === id);
  return next ? newestBelow(turns, next.id) : id;
}
