// Links to the pages.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PageRoute } from './page.ts';

interface Counted {
  /** Beside the name of a page, by its path. */
  counts?: Record<string, ReactNode>;
  onGo?: () => void;
  /** Path of a page that is marked because the one shown belongs to it. */
  marked?: string | undefined;
}
export function NavLink({ page, counts = {}, onGo, marked }: Counted & { page: PageRoute }) {
  const { nav, path } = page;
  if (!nav) return null;
  const Icon = nav.icon;
  return (
    <Link
      to={path}
      className={path === marked ? 'nav-link here' : 'nav-link'}
      activeProps={{ className: 'nav-link here', 'aria-current': 'page' }}
      activeOptions={{ exact: path === '/', includeSearch: false }}
      {...(onGo ? { onClick: onGo } : {})}
    >
      <Icon aria-hidden="true" />
      <span>{nav.text}</span>
      {counts[path]}
    </Link>
  );
}

export function NavList({ pages, counts = {}, onGo, marked }: Counted & { pages: PageRoute[] }) {
  const lists = [pages.filter(({ nav }) => !nav?.below), pages.filter(({ nav }) => nav?.below)].filter(
    (list) => list.length > 0,
  );
  return (
    <>
      {lists.map((list) => (
        <ul key={list[0]?.path} className="nav-list">
          {list.map((page) => (
            <li key={page.path}>
              <NavLink page={page} counts={counts} marked={marked} {...(onGo ? { onGo } : {})} />
            </li>
          ))}
        </ul>
      ))}
    </>
  );
}
