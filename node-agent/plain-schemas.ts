// How a bundle goes without TypeBox: plain schemas and a small checker stand in for it, and TypeBox itself, which has the words for a
// value that does not fit, is a file beside the bundle.
import { type BuildOptions, build, type Plugin } from 'esbuild';

const here = new URL('.', import.meta.url).pathname;
/** Found by esbuild itself: a path that a plugin gives has no package around it, and check.ts would have one or none, by chance. */
const alias = {
  typebox: `${here}src/schemas/plain.ts`,
  'typebox/schema': `${here}src/schemas/check.ts`,
  'typebox/system': `${here}src/schemas/check.ts`,
};

const onlyThese: Plugin = {
  name: 'plain-schemas',
  setup(build) {
    build.onResolve({ filter: /^typebox(\/|$)/ }, ({ path }) =>
      path in alias ? undefined : { errors: [{ text: `${path} has no stand-in in plain-schemas.ts` }] },
    );
  },
};
export const plainSchemas = { alias, plugins: [onlyThese] } satisfies BuildOptions;

/** Writes the file that check.ts loads, into the folder of a bundle. */
export async function buildSchemaErrors(folder: string, options: BuildOptions = {}): Promise<void> {
  await build({
    ...options,
    stdin: {
      contents: "export { Errors } from 'typebox/schema'; export { Settings } from 'typebox/system';",
      resolveDir: here,
    },
    outfile: `${folder}/schema-errors.cjs`,
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
}
