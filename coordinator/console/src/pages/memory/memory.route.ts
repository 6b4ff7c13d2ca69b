// What agents remember.
import { BookOpen } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/memory',
  load: () => import('./memory-page.tsx'),
  nav: { text: 'Memory', icon: BookOpen, order: 60, key: 'e' },
  may: 'memorySearch',
};
