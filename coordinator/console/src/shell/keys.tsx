// The keyboard: `/` to the page's search, `?` for this list, `g` and a letter to a page, Ctrl-K for the palette. Never while typing.
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { monotonicMs } from '../data/clock.ts';
import { Dialog } from '../kit/overlay.tsx';
import type { PageRoute } from './page.ts';

const goMs = 1500;
export const onMac = /Mac|iPhone|iPad/.test(navigator.platform);

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function useKeys(pages: PageRoute[], open: { palette(): void; keys(): void }): void {
  const navigate = useNavigate();
  const went = useRef(Number.NEGATIVE_INFINITY);
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        latest.current.palette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      if (document.querySelector('[role=dialog], [role=alertdialog], [role=menu]')) return;
      const going = monotonicMs() - went.current < goMs;
      went.current = Number.NEGATIVE_INFINITY;
      if (going) {
        const page = pages.find(({ nav }) => nav?.key === event.key);
        if (page) {
          event.preventDefault();
          void navigate({ to: page.path });
        }
      } else if (event.key === 'g') went.current = monotonicMs();
      else if (event.key === '?') latest.current.keys();
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('[data-search]');
        if (!search) return;
        event.preventDefault();
        search.focus();
        search.select();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [navigate, pages]);
}

export function KeysDialog({
  open,
  onOpenChange,
  pages,
}: {
  open: boolean;
  onOpenChange(open: boolean): void;
  pages: PageRoute[];
}) {
  const rows: [string[], string][] = [
    [[onMac ? '⌘' : 'Ctrl', 'K'], 'Go anywhere, do anything'],
    [['/'], "To the page's search"],
    [['?'], 'This list'],
    [['↑', '↓'], 'Through the rows of a table'],
    [['Enter'], 'Open the row'],
    [['Space'], 'Select the row'],
    ...pages.flatMap(({ nav }): [string[], string][] => (nav?.key ? [[['g', nav.key], nav.text]] : [])),
  ];
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
      <dl className="facts keys">
        {rows.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
