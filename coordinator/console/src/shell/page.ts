// The definition of a page in its `<name>.route.ts`: its path, the parameters of its address, its module, and its place in the navigation.
import type { RouteName } from '@blackroad/protocol';
import type { LucideIcon } from 'lucide-react';
import type { ComponentType } from 'react';
import type { SearchParams } from '../kit/search-params.ts';

export interface PageRoute<Path extends string = string, Params extends SearchParams = Record<never, never>> {
  /** TanStack Router's pattern: `/nodes/$node`. */
  path: Path;
  /** What it keeps in its address: links to it may give these and no others. */
  search: Params;
  /** The page itself, loaded when it is first opened. */
  load: () => Promise<{ default: ComponentType }>;
  /** Of a page that stands in no navigation: the path of the one that is marked there instead. */
  under?: string;
  /** Missing: reached from other pages only. */
  nav?: {
    text: string;
    icon: LucideIcon;
    /** Below the line of the navigation: what is looked after rather than looked at. */
    below?: true;
    /** After `g` on the keyboard. */
    key?: string;
  };
  /** The page is there for those who may call this route; others are told who may, in these words where there are any. */
  may?: RouteName;
  locked?: { title: string; text: string };
  /** Its heading while it is locked, where it stands in no navigation. */
  title?: string;
}
