// The modules that found.ts makes at build time, and what esbuild defines.
declare module 'fleet:stories' {
  import type { Stories } from './kit/stories.ts';

  const stories: [file: string, stories: Stories][];
  export default stories;
}
declare module 'fleet:routes' {
  import type { Needs, RouteName } from '@blackroad/protocol';

  const routes: Record<RouteName, { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; path: string; needs: Needs }>;
  export default routes;
}
declare module 'fleet:channels' {
  /** Channel or detail to the field that tells its rows apart. */
  const channels: Record<string, string>;
  export default channels;
}
declare module 'fleet:templates' {
  import type { AgentSpec } from '@blackroad/protocol';

  const templates: AgentSpec[];
  export default templates;
}
declare const DEV: boolean;
