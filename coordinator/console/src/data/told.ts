// The results of actions, passed to a listener that shows them to the person. The data layer has no toasts: the shell listens and shows
// them.
export interface Told {
  text: string;
  tone: 'good' | 'bad' | 'warn';
  /** The undo. */
  undo?: () => Promise<unknown>;
  /** The label of the undo, where `Undo` is not enough. */
  undoWord?: string;
}

const listeners = new Set<(told: Told) => void>();
export function onTold(run: (told: Told) => void): () => void {
  listeners.add(run);
  return () => listeners.delete(run);
}
export function tell(told: Told): void {
  for (const run of listeners) run(told);
}
