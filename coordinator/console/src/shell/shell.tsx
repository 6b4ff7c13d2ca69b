// The frame of every page: navigation, search, the age of the page, the signed-in person. On a phone the navigation is at the bottom.
import { Outlet, useRouterState } from '@tanstack/react-router';
import { MoreHorizontal, Search } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useMay } from '../data/session.tsx';
import { IconButton } from '../kit/button.tsx';
import { Dialog } from '../kit/overlay.tsx';
import { KeysDialog, onMac, useKeys } from './keys.tsx';
import { Fresh, LiveMark } from './live-mark.tsx';
import { Mark } from './mark.tsx';
import { NavLink, NavList } from './nav.tsx';
import { OpenAlerts, useOpenAlerts } from './open-alerts.tsx';
import type { PageRoute } from './page.ts';
import { Palette } from './palette.tsx';
import { Person } from './person.tsx';

/** Of the navigation at the bottom of a phone; the others are behind the last button. */
const atThumb = 4;

const isUnder = (here: string, path: string) => here === path || here.startsWith(`${path}/`);

export function Shell({ pages: all }: { pages: readonly PageRoute[] }) {
  const may = useMay();
  const [open, setOpen] = useState<'palette' | 'keys' | 'more' | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rights last as long as the session
  const pages = useMemo(() => all.filter((page) => !page.may || may(page.may)), []);
  const alerts = useOpenAlerts();
  const counts = { '/alerts': <OpenAlerts {...alerts} /> };
  const inNav = pages.filter(({ nav }) => nav);
  useKeys(pages, { palette: () => setOpen('palette'), keys: () => setOpen('keys') });
  const here = useRouterState({ select: ({ location }) => location.pathname });
  const marked = all.find(({ path }) => path === here)?.under;
  const main = useRef<HTMLElement>(null);
  useHeadingFocus(main);
  const close = (now: boolean) => setOpen(now ? open : null);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        To the content
      </a>
      <header className="side">
        <div className="row brand">
          <Mark />
          <strong className="grow">BlackRoad Fleet</strong>
          <span className="only-phone row">
            <LiveMark short />
            <IconButton label="Search and commands" onClick={() => setOpen('palette')}>
              <Search />
            </IconButton>
          </span>
        </div>
        <button type="button" className="find only-wide" onClick={() => setOpen('palette')}>
          <Search aria-hidden="true" />
          <span className="grow">Go to …</span>
          <kbd>{onMac ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
        <nav className="only-wide" aria-label="Pages">
          <NavList pages={inNav} counts={counts} marked={marked} />
        </nav>
        <div className="only-wide side-foot">
          <LiveMark />
          <Person openKeys={() => setOpen('keys')} />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Fresh>
          <Outlet />
        </Fresh>
      </main>
      <nav className="thumb only-phone" aria-label="Pages">
        {inNav.slice(0, atThumb).map((page) => (
          <NavLink key={page.path} page={page} marked={marked} />
        ))}
        <button
          type="button"
          className={`nav-link ${inNav.slice(atThumb).some(({ path }) => isUnder(marked ?? here, path)) ? 'here' : ''}`}
          onClick={() => setOpen('more')}
        >
          <MoreHorizontal aria-hidden="true" />
          <span>More</span>
          <OpenAlerts {...alerts} />
        </button>
      </nav>
      <Palette open={open === 'palette'} onOpenChange={close} pages={inNav} openKeys={() => setOpen('keys')} />
      <KeysDialog open={open === 'keys'} onOpenChange={close} pages={inNav} />
      <Dialog open={open === 'more'} onOpenChange={close} title="More" place="side">
        <NavList pages={inNav} counts={counts} marked={marked} onGo={() => setOpen(null)} />
        <LiveMark />
        <Person openKeys={() => setOpen('keys')} />
      </Dialog>
    </div>
  );
}

/** After going to another page, what a screen reader hears and where Tab goes on is that page's heading. */
function useHeadingFocus(main: React.RefObject<HTMLElement | null>) {
  const path = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname });
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once a page
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const { activeElement } = document;
    const writes = activeElement instanceof HTMLInputElement || activeElement instanceof HTMLTextAreaElement;
    if (writes && main.current?.contains(activeElement)) return;
    main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }, [path]);
}
