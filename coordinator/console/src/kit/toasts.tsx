// Short messages about the result of an action, with an undo where there is one. `say` may be called from anywhere.
import { X } from 'lucide-react';
import { Toast } from 'radix-ui';
import { useSyncExternalStore } from 'react';
import type { Tone } from './looks.ts';
import { Glyph } from './status.tsx';
import { wordsOf } from './words.ts';

interface Said {
  text: string;
  tone?: 'good' | 'bad' | 'warn';
  /** The undo; its result is shown too. */
  undo?: () => unknown;
  /** The label of the undo, where `Undo` is not enough. */
  undoWord?: string;
}
interface Shown extends Said {
  id: number;
}
/** The limit of messages on the screen; the oldest are dropped. */
const maxShown = 4;

let shown: readonly Shown[] = [];
let next = 1;
const watchers = new Set<() => void>();
function set(now: readonly Shown[]) {
  shown = now;
  for (const each of watchers) each();
}
const watch = (changed: () => void) => {
  watchers.add(changed);
  return () => watchers.delete(changed);
};

/** `say({ text: 'alice is cordoned', undo: () => ... })` */
export function say(said: Said): void {
  set([...shown, { ...said, id: next++ }].slice(-maxShown));
}
function remove(id: number) {
  set(shown.filter((each) => each.id !== id));
}

async function takeBack(undo: () => unknown) {
  try {
    await undo();
    say({ text: 'Taken back.' });
  } catch (error) {
    say({ text: wordsOf(error), tone: 'bad' });
  }
}

const shapes = { good: 'tick', bad: 'cross', warn: 'bang' } as const;

export function Toasts() {
  const all = useSyncExternalStore(watch, () => shown);
  return (
    <Toast.Provider label="Message" duration={6000}>
      {all.map(({ id, text, tone = 'good', undo, undoWord = 'Undo' }) => (
        <Toast.Root
          key={id}
          className="toast"
          type={tone === 'bad' ? 'foreground' : 'background'}
          duration={tone === 'bad' || undo ? 12_000 : 6_000}
          onOpenChange={(open) => !open && remove(id)}
        >
          <Glyph shape={shapes[tone]} tone={tone as Tone} />
          <Toast.Description className="grow">{text}</Toast.Description>
          {undo && (
            <Toast.Action altText={undoWord} asChild>
              <button type="button" className="button quiet" onClick={() => void takeBack(undo)}>
                {undoWord}
              </button>
            </Toast.Action>
          )}
          <Toast.Close className="icon-button" aria-label="Close">
            <X />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="toasts" />
    </Toast.Provider>
  );
}
