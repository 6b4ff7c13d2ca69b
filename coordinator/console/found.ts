// What the bundle takes in by being found, so that a new page or component touches no list: style sheets and stories; and what is made from
// the protocol and the docs at build time: routes without their validators, and the agent templates. An esbuild plugin.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { feedChannels, feedDetails, type RouteRow, routes } from '@blackroad/protocol';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import type { Plugin } from 'esbuild';

const here = import.meta.dirname;
const src = join(here, 'src');
const templates = join(here, '../../docs/examples/home.yaml');

function files(pattern: RegExp): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .sort();
}
const listOf = (names: string[], exported: string) =>
  `${names.map((name, i) => `import { ${exported} as x${i} } from './${name}';`).join('\n')}
export default [${names.map((name, i) => `[${JSON.stringify(name)}, x${i}]`).join(', ')}];`;

/** Order matters in style sheets alone: theme, then the kit, then whatever lies beside the pages. */
const rank = (name: string) => (name.startsWith('styles/') ? 0 : name.startsWith('kit/') ? 1 : 2);

const made: Record<string, () => { contents: string; loader: 'ts' | 'json' | 'css' }> = {
  stories: () => ({ contents: listOf(files(/\.stories\.tsx$/), 'stories'), loader: 'ts' }),
  styles: () => ({
    contents: files(/\.css$/)
      .sort((a, b) => rank(a) - rank(b))
      .map((name) => `@import './${name}';`)
      .join('\n'),
    loader: 'css',
  }),
  routes: () => ({
    contents: JSON.stringify(
      Object.fromEntries(
        Object.entries(routes as Record<string, RouteRow>).map(([name, { method, path, needs }]) => [
          name,
          { method, path, needs },
        ]),
      ),
    ),
    loader: 'json',
  }),
  channels: () => ({
    contents: JSON.stringify(
      Object.fromEntries(Object.entries({ ...feedChannels, ...feedDetails }).map(([name, { key }]) => [name, key])),
    ),
    loader: 'json',
  }),
  templates: () => ({
    contents: JSON.stringify(readAgentFile(readFileSync(templates, 'utf8'), 'home.yaml')),
    loader: 'json',
  }),
};

export const found: Plugin = {
  name: 'found',
  setup(build) {
    build.onResolve({ filter: /^fleet:/ }, ({ path }) => ({ path: path.slice('fleet:'.length), namespace: 'found' }));
    build.onLoad({ filter: /.*/, namespace: 'found' }, ({ path }) => {
      const make = made[path];
      if (!make) return { errors: [{ text: `fleet:${path} is none of ${Object.keys(made).join(', ')}` }] };
      return { ...make(), resolveDir: src, watchDirs: [src], watchFiles: [templates] };
    });
  },
};
