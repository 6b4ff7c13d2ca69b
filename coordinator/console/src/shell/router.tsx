// Addresses to pages. Pages are found at build time (`*.route.ts`), so a new one touches no list. What a page keeps in its address
// (a filter, a tab) is plain text there.

import pages from 'fleet:pages';
import {
  type AsyncRouteComponent,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { mayUse, useMe } from '../data/session.tsx';
import { Failure, Loading } from '../kit/states.tsx';
import { Locked } from './locked.tsx';
import { NotFound } from './not-found.tsx';
import type { PageRoute } from './page.ts';
import { Shell } from './shell.tsx';

export const pageRoutes: PageRoute[] = pages
  .map(([, route]) => route)
  .sort((a, b) => (a.nav?.order ?? 1000) - (b.nav?.order ?? 1000));

/** A page of a build that is gone: the coordinator was updated while this tab was open. */
const isOldBuild = (error: unknown) => /dynamically imported module|module script failed/i.test(String(error));

/** The page for those who may use it; its bundle is loaded for nobody else. */
function whoMay(page: PageRoute) {
  const Page = lazyRouteComponent(page.load) as AsyncRouteComponent<object>;
  const { may } = page;
  if (!may) return Page;
  const Guarded = () => (mayUse(useMe(), may) ? <Page /> : <Locked page={page} />);
  return Object.assign(Guarded, Page.preload ? { preload: Page.preload } : {});
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const plain = {
  parseSearch: (search: string) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search: Record<string, unknown>) => {
    const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
    const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    return text ? `?${text}` : '';
  },
};

export const router = createRouter({
  ...plain,
  routeTree: root.addChildren([
    ...pageRoutes.map((page) => createRoute({ getParentRoute: () => root, path: page.path, component: whoMay(page) })),
    ...(DEV
      ? [
          createRoute({
            getParentRoute: () => root,
            path: '/stories',
            component: lazyRouteComponent(() => import('../stories/stories-page.tsx')),
          }),
        ]
      : []),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: () => <Loading lines={6} />,
  defaultErrorComponent: ({ error, reset }) => (
    <Failure error={error} retry={isOldBuild(error) ? () => location.reload() : reset} />
  ),
});
