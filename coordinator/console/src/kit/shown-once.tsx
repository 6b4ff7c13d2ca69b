// The dialog of what is shown once (a key, a secret, an address with one in it), until the person has it.
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './overlay.tsx';

interface ShownOnceProps {
  title: string;
  text?: string;
  /** The person has it, or does not want it. */
  onDone(): void;
  /** What to copy, and what to do with it. */
  children: ReactNode;
}
export function ShownOnce({ title, text = 'Copy it now: it is shown once.', onDone, children }: ShownOnceProps) {
  return (
    <Dialog open onOpenChange={onDone} title={title} text={text}>
      {children}
      <footer className="row end">
        <Button look="primary" onClick={onDone}>
          I have it
        </Button>
      </footer>
    </Dialog>
  );
}
