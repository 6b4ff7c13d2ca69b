// An image as an OCI layout, without a container engine: two layers (the C library, the release), a config, a manifest, an index, each found by
// its hash [OCI image spec 1.0]. In: layers as trees. Out: the layout as a tree, which is packed as one tar: `skopeo copy oci-archive:...`,
// `podman load` and `docker load` take it.
import { sha256Hex } from '@blackroad/std/sha256';
import { debArch } from './deb.ts';
import type { Arch } from './packages.ts';
import { timeText } from './source.ts';
import { gzipped, tarOf } from './tar-write.ts';
import { type Tree, type TreeNode, text } from './tree.ts';

interface Image {
  name: string;
  version: string;
  arch: Arch;
  commit: string;
  epochS: number;
  layers: readonly { tree: Tree; text: string }[];
  entrypoint: readonly string[];
  cmd: readonly string[];
  env: readonly string[];
  ports: readonly number[];
  /** The folder of what is kept. */
  data: string;
  user: number;
}

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

export async function imageOf(image: Image): Promise<Map<string, TreeNode>> {
  const { name, version, arch, commit, epochS, entrypoint, cmd, env, ports, data, user } = image;
  const layout = new Map<string, TreeNode>();
  const created = timeText(epochS);
  const blob = (mediaType: string, content: Buffer) => {
    const digest = sha256Hex(content);
    layout.set(`blobs/sha256/${digest}`, { content });
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (mediaType: string, value: object) => blob(mediaType, Buffer.from(JSON.stringify(value)));
  const tars = image.layers.map(({ tree }) => tarOf(tree, epochS));
  const layers = (await Promise.all(tars.map(gzipped))).map((content) => blob(types.layer, content));
  const labels = {
    'org.opencontainers.image.title': name,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': commit,
    'org.opencontainers.image.licenses': 'MIT',
  };
  const config = json(types.config, {
    created,
    architecture: debArch[arch],
    os: 'linux',
    config: {
      User: `${user}:${user}`,
      Env: env,
      Entrypoint: entrypoint,
      Cmd: cmd,
      WorkingDir: data,
      Volumes: { [data]: {} },
      ...(ports.length > 0 ? { ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])) } : {}),
      StopSignal: 'SIGTERM',
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256Hex(tar)}`) },
    history: image.layers.map((layer) => ({ created, created_by: layer.text })),
  });
  const manifest = json(types.manifest, { schemaVersion: 2, mediaType: types.manifest, config, layers });
  const reference = { 'org.opencontainers.image.ref.name': version, 'io.containerd.image.name': `${name}:${version}` };
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [{ ...manifest, platform: { architecture: debArch[arch], os: 'linux' }, annotations: reference }],
  };
  layout.set('index.json', text(JSON.stringify(index)));
  layout.set('oci-layout', text(JSON.stringify({ imageLayoutVersion: '1.0.0' })));
  return layout;
}
