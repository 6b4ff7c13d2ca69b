// Typed changes that are not saved: they stay when another tab of the page is opened; before another page the person is asked. Drafts live
// as long as the browser's tab.
import { useBlocker } from '@tanstack/react-router';
import { AlertDialog } from 'radix-ui';
import { Button } from '../../kit/button.tsx';
import type { Draft, Language } from './spec-text.ts';

interface Unsaved {
  shown: 'form' | Language;
  draft: Draft;
  text: string;
}
const kept = new Map<string, Unsaved>();
/** A person edits a few agents at once; a loop must not fill the memory. */
const most = 20;

export function keepUnsaved(key: string, unsaved: Unsaved | null): void {
  kept.delete(key);
  if (unsaved === null) return;
  kept.set(key, unsaved);
  if (kept.size > most) kept.delete(kept.keys().next().value as string);
}
export const unsavedOf = (key: string): Unsaved | null => kept.get(key) ?? null;

/** Asks before the page is left with `isDirty`; what was typed is then let go. */
export function AskBeforeLeaving({ isDirty, letGo }: { isDirty(): boolean; letGo(): void }) {
  const leaving = useBlocker({
    // Another tab of the same page is no way out: the draft is kept for it.
    shouldBlockFn: ({ current, next }) => isDirty() && current.pathname !== next.pathname,
    enableBeforeUnload: isDirty,
    withResolver: true,
  });
  return (
    <AlertDialog.Root open={leaving.status === 'blocked'} onOpenChange={(open) => !open && leaving.reset?.()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="shade" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title>Leave without saving?</AlertDialog.Title>
          <AlertDialog.Description className="dim">What you changed here is not saved yet.</AlertDialog.Description>
          <footer className="row end">
            <AlertDialog.Cancel asChild>
              <Button look="primary">Stay</Button>
            </AlertDialog.Cancel>
            <Button
              look="danger"
              onClick={() => {
                letGo();
                leaving.proceed?.();
              }}
            >
              Leave
            </Button>
          </footer>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
