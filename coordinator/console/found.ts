// What the bundle takes in by being found, so that a new page touches no list: pages, style sheets, stories; and what is made from
// the protocol and the docs at build time: routes without their validators, and the agent templates. An esbuild plugin.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { feedChannels, feedDetails, type RouteRow, routes } from '@blackroad/protocol';
import type { Plugin } from 'esbuild';
import { readAgentFile } from '@blackroad/protocol/agent-file';

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

/** Files of routes below `src`. A page in the making, whose route is there and whose file is not yet, must not stop the others. */
export function routesWithPages(): string[] {
  return files(/^pages\/.*\.route\.ts$/).filter((name) => {
    const path = join(src, name);
    const page = /import\('(\.[^']+)'\)/.exec(readFileSync(path, 'utf8'))?.[1];
    if (page && existsSync(join(dirname(path), page))) return true;
    console.warn(`console: ${name} loads ${page ?? 'nothing'}, which is not there: left out`);
    return false;
  });
}

/** Order matters in style sheets alone: theme, then the kit, then whatever lies beside the pages. */
const rank = (name: string) => (name.startsWith('styles/') ? 0 : name.startsWith('kit/') ? 1 : 2);

const made: Record<string, () => { contents: string; loader: 'ts' | 'json' | 'css' }> = {
  pages: () => ({ contents: listOf(routesWithPages(), 'route'), loader: 'ts' }),
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
