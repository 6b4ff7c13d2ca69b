// What an image says of itself, beside it: a manifest that the coordinator reads, an SBOM, the licences. In: what was built. Out: texts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageManifest, imageFormat } from '@blackroad/protocol';
import type { OllamaRelease } from '../../protocol/src/ollama-release.ts';
import { type Source, timeText } from '../../release/src/source.ts';
import type { Description } from './description.ts';
import type { LockedPackage } from './lock.ts';
import type { NodeAgent } from './system.ts';

const ollamaLicence = 'MIT';
/** What people are told an image has at most. */
export const maxDownloadBytes = 600e6;

type FileHash = ImageManifest['download'];
type Places = Pick<ImageManifest, 'partitions' | 'personalFile' | 'personalStream'>;

interface About {
  description: Description;
  source: Source;
  packages: readonly LockedPackage[];
  nodeAgent: NodeAgent;
  ollama: { release: OllamaRelease; unpacked: string | null };
}

export function manifestOf(
  { description, source, nodeAgent }: About,
  places: Places,
  image: FileHash,
  download: FileHash,
): ImageManifest {
  return {
    format: imageFormat,
    name: description.name,
    version: source.version,
    commit: source.commit,
    built: timeText(source.epochS),
    arch: 'arm64',
    suite: description.suite,
    image,
    download,
    ...places,
    boards: description.boards.map(({ name, imager, isExperimental = false }) => ({ name, imager, isExperimental })),
    initFormat: 'cloudinit',
    nodeAgent: { version: nodeAgent.version, sha256: nodeAgent.sha256 },
  };
}

interface Sbom {
  components: { 'bom-ref': string }[];
}

/** CycloneDX 1.5: Debian's packages, and all that the release of the node-agent names. `root`: a folder with the files of the image. */
export function sbomOf({ description, source, packages, nodeAgent, ollama }: About, root: string): object {
  const ref = `${description.name}@${source.version}`;
  const debian = packages.map(({ name, version, sha256 }) => {
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=arm64&distro=${description.suite}`;
    return {
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      purl,
      licenses: licencesOf(root, name).map((id) => ({ license: { name: id } })),
      hashes: [{ alg: 'SHA-256', content: sha256 }],
    };
  });
  const release = join(root, 'opt/blackroad-node/releases', nodeAgent.version);
  const own = JSON.parse(readFileSync(join(release, 'sbom.cdx.json'), 'utf8')) as Sbom;
  const components = [
    ...debian,
    ...(ollama.unpacked === null ? [] : [ollamaComponent(ollama.release)]),
    ...own.components,
  ];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: timeText(source.epochS),
      component: { type: 'operating-system', 'bom-ref': ref, name: description.name, version: source.version },
      properties: [
        { name: 'blackroad:arch', value: 'arm64' },
        { name: 'blackroad:commit', value: source.commit },
        { name: 'blackroad:node-agent', value: nodeAgent.sha256 },
      ],
    },
    components,
    dependencies: [{ ref, dependsOn: components.map((each) => each['bom-ref']) }],
  };
}

function ollamaComponent({ version, sha256 }: OllamaRelease) {
  const purl = `pkg:github/ollama/ollama@v${version}`;
  const licenses = [{ license: { id: ollamaLicence } }];
  const hashes = [{ alg: 'SHA-256', content: sha256 }];
  return { type: 'application', 'bom-ref': purl, name: 'ollama', version, purl, licenses, hashes };
}

/** Names of licences in Debian's file about a package, which has whole texts as well; none where it is written for people alone. */
function licencesOf(root: string, name: string): string[] {
  const file = join(root, 'usr/share/doc', name, 'copyright');
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return [...new Set([...text.matchAll(/^License: *([A-Za-z0-9][^\s,]*)/gm)].map(([, id = '']) => id))].sort();
}

/** A line a package; whole texts are in the image, at the place that the first lines name. */
export function licenceList({ description, source, packages, nodeAgent, ollama }: About, root: string): string {
  const rows = packages.map(({ name, version }) => {
    const found = licencesOf(root, name);
    return `${name} ${version}: ${found.length > 0 ? found.join(', ') : 'see its text'}`;
  });
  if (ollama.unpacked !== null) rows.push(`ollama ${ollama.release.version}: ${ollamaLicence}`);
  const documents = readdirSync(join(root, 'usr/share/doc')).length;
  return `${description.name} ${source.version}: what is in it, with the licences that Debian's file of each package names.
Whole texts are in the image: /usr/share/doc/<package>/copyright (${documents} packages), and of the node-agent
/opt/blackroad-node/releases/${nodeAgent.version}/LICENSES. raspi-firmware and firmware-brcm80211 are of Debian's non-free-firmware: they may be passed
on, and have no source.

${rows.sort().join('\n')}
`;
}
