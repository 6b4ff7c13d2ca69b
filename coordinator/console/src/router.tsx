// All pages and their addresses. Links are checked against this tree: the page, its path parameters and the parameters of its address.
import {
  type AsyncRouteComponent,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { mayUse, useMe } from './data/session.tsx';
import { readSearch, type SearchParams } from './kit/search-params.ts';
import { Failure, Loading } from './kit/states.tsx';
import { route as keys } from './pages/access/access.route.ts';
import { route as addNode } from './pages/add-node/add-node.route.ts';
import { route as agent } from './pages/agent/agent.route.ts';
import { route as agents } from './pages/agents/agents.route.ts';
import { route as newAgent } from './pages/agents/new-agent.route.ts';
import { route as alerts } from './pages/alerts/alerts.route.ts';
import { route as audit } from './pages/audit/audit.route.ts';
import { route as batches } from './pages/batches/batches.route.ts';
import { route as conversation } from './pages/chat/conversation.route.ts';
import { route as connect } from './pages/connect/connect.route.ts';
import { route as fleet } from './pages/fleet/fleet.route.ts';
import { route as memory } from './pages/memory/memory.route.ts';
import { route as models } from './pages/models/models.route.ts';
import { route as node } from './pages/node/node.route.ts';
import { route as nodes } from './pages/nodes/nodes.route.ts';
import { route as placement } from './pages/placement/placement.route.ts';
import { route as playground } from './pages/playground/playground.route.ts';
import { route as releases } from './pages/releases/releases.route.ts';
import { route as rollouts } from './pages/rollouts/rollouts.route.ts';
import { route as settings } from './pages/settings/settings.route.ts';
import { route as task } from './pages/task/task.route.ts';
import { route as tasks } from './pages/tasks/tasks.route.ts';
import { route as usage } from './pages/usage/usage.route.ts';
import { route as webhooks } from './pages/webhooks/webhooks.route.ts';
import { Locked } from './shell/locked.tsx';
import { NotFound } from './shell/not-found.tsx';
import type { PageRoute } from './shell/page.ts';
import { Shell } from './shell/shell.tsx';

/** In the order of the navigation; pages outside of it last. */
const pages = [
  fleet,
  nodes,
  agents,
  tasks,
  batches,
  models,
  rollouts,
  releases,
  playground,
  memory,
  placement,
  alerts,
  usage,
  connect,
  webhooks,
  audit,
  keys,
  settings,
  node,
  addNode,
  agent,
  newAgent,
  conversation,
  task,
] as const;

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

const root = createRootRoute({ component: () => <Shell pages={pages} />, notFoundComponent: NotFound });
function routeOf<const Path extends string, Params extends SearchParams>(page: PageRoute<Path, Params>) {
  return createRoute({
    getParentRoute: () => root,
    path: page.path,
    validateSearch: (given: Record<string, unknown>) => readSearch(page.search, given),
    component: whoMay(page),
  });
}
/** Part of the development build alone. */
const stories = createRoute({
  getParentRoute: () => root,
  path: '/stories',
  component: DEV ? lazyRouteComponent(() => import('./stories/stories-page.tsx')) : NotFound,
});

/** A tuple that was mapped forgets which page stands where; links are checked against each of them. */
type RoutesOf<Pages> = {
  [At in keyof Pages]: Pages[At] extends PageRoute<infer Path, infer Params>
    ? ReturnType<typeof routeOf<Path, Params>>
    : never;
};
type Routes = [...RoutesOf<typeof pages>, typeof stories];

/** Everything in an address is plain text. */
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
  routeTree: root.addChildren([...pages.map((page) => routeOf(page)), stories] as unknown as Routes),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: () => <Loading lines={6} />,
  defaultErrorComponent: ({ error, reset }) => (
    <Failure error={error} retry={isOldBuild(error) ? () => location.reload() : reset} />
  ),
});
declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
