// What came of an action, told to whoever shows it to the person. The data knows no toast: the shell listens and shows one.
export interface Told {
  text: string;
  tone: 'good' | 'bad' | 'warn';
  /** The way back. */
  undo?: () => Promise<unknown>;
  /** What the way back does, where `Undo` would say too little. */
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
