// What a release says of itself: release.json (who it is, and the hash of every file in it), the list of licences, the SBOM. In: the tree, and
// the packages in it. Out: the same tree with these files. `release.json` is the first entry of the archive, so that who gets a release knows
// early what it is.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReleaseManifest, releaseFormat, topicRoot } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Arch, Package } from './packages.ts';
import type { Product } from './products.ts';
import { type Source, timeText } from './source.ts';
import { type Tree, type TreeNode, text } from './tree.ts';

interface About {
  product: Pick<Product, 'name' | 'text'>;
  arch: Arch;
  source: Source;
  packages: readonly Package[];
  /** Of the database, where the product has one. */
  schema?: number | undefined;
}

const licence = /^(licen[cs]e|notice|copying)/i;

function unique(packages: readonly Package[]): Package[] {
  const found = new Map(packages.map((each) => [`${each.name}@${each.version}`, each]));
  return [...found.values()].sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

function licencesOf({ product, source, packages }: About): string {
  const own = readFileSync(join(source.root, 'LICENSE'), 'utf8');
  const parts = unique(packages).map(({ name, version, license, folder }) => {
    const texts = readdirSync(folder)
      .filter((file) => licence.test(file))
      .map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return `${'='.repeat(78)}\n${name} ${version}: ${license}\n\n${texts.join('\n\n') || '(it brings no text of its licence)'}\n`;
  });
  return `${product.name} ${source.version}, and what is in it, with the licence of each.\n\n${own}\n${parts.join('\n')}`;
}

function licenceOf(license: string): object {
  return /^[\w.+-]+$/.test(license) && license !== 'unknown'
    ? { license: { id: license } }
    : { license: { name: license } };
}
/** CycloneDX 1.5. */
function sbomOf({ product, arch, source, packages }: About): object {
  const ref = `${product.name}@${source.version}`;
  const components = unique(packages).map(({ name, version, license, integrity }) => {
    const [alg, hash] = integrity?.split(/-(.*)/s) ?? [];
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    const hashes =
      alg === 'sha512' ? [{ alg: 'SHA-512', content: Buffer.from(hash ?? '', 'base64').toString('hex') }] : [];
    return {
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      purl,
      licenses: [licenceOf(license)],
      ...(hashes.length > 0 ? { hashes } : {}),
    };
  });
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: timeText(source.epochS),
      component: {
        type: 'application',
        'bom-ref': ref,
        name: product.name,
        version: source.version,
        description: product.text,
      },
      properties: [
        { name: 'blackroad:arch', value: arch },
        { name: 'blackroad:commit', value: source.commit },
      ],
    },
    components,
    dependencies: [{ ref, dependsOn: components.map((each) => each['bom-ref']) }],
  };
}

function sumsOf(tree: Tree): Record<string, string> {
  const found: [string, string][] = [];
  for (const [path, node] of tree) {
    if ('link' in node) found.push([path, `-> ${node.link}`]);
    else if ('content' in node) found.push([path, sha256Hex(node.content)]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function withAbout(tree: Tree, about: About): Map<string, TreeNode> {
  const { product, arch, source, schema } = about;
  const whole = new Map<string, TreeNode>(tree);
  // For Node: the .js files beside it are modules. For the CLI: its version.
  whole.set(
    'package.json',
    text(`${JSON.stringify({ name: product.name, version: source.version, private: true, type: 'module' })}\n`),
  );
  whole.set('LICENSES', text(licencesOf(about)));
  whole.set('sbom.cdx.json', text(`${JSON.stringify(sbomOf(about), null, 1)}\n`));
  const release: ReleaseManifest = {
    format: releaseFormat,
    name: product.name,
    version: source.version,
    os: 'linux',
    arch,
    commit: source.commit,
    built: timeText(source.epochS),
    ...(schema === undefined ? {} : { schema }),
    protocol: [Number(topicRoot.split('v').at(-1))],
    files: sumsOf(whole),
  };
  whole.set('release.json', text(`${JSON.stringify(release, null, 1)}\n`));
  return whole;
}
