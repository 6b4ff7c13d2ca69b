// The names of content: digests, and the names under which registries and hubs have files. Pure. In: parts of a request's path. Out: the
// same, checked, or null. Nothing that passes here can leave a folder or change the path of an address.

/** `sha256:` and 64 digits of lower-case hex. */
export type Digest = string;

export interface Blob {
  digest: Digest;
  sizeBytes: number;
}
/** A name that people know, and the blobs it is made of. */
export interface Entry {
  /** `llama3.2:1b`, `someone/model:tag`, `hub:owner/name@revision/path`. */
  name: string;
  /** The blob with the manifest, for a model of a registry. */
  manifest?: Digest;
  /** All its blobs, the manifest among them. */
  blobs: Blob[];
  /** When the place it comes from last said that this is the content of the name, milliseconds since 1970; 0: an asker said it. */
  checkedMs: number;
}

/** 1 TiB: a size beyond it is a mistake of whoever names it. */
const maxBlobBytes = 2 ** 40;

export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
/** As in the names of the fleet's own catalogue: hex without the algorithm. */
export function digestOfHex(hex: string): Digest | null {
  return /^[0-9a-f]{64}$/.test(hex) ? `sha256:${hex}` : null;
}

const namePart = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$/;
const maxPathParts = 8;

export interface RegistryName {
  namespace: string;
  model: string;
  tag: string;
}
export function registryName(namespace: string, model: string, tag: string): RegistryName | null {
  return [namespace, model, tag].every((part) => namePart.test(part)) ? { namespace, model, tag } : null;
}
/** As people write it: models of the registry's own library without their namespace. */
export function shownName({ namespace, model, tag }: RegistryName): string {
  return `${namespace === 'library' ? '' : `${namespace}/`}${model}:${tag}`;
}

export interface HubFile {
  repository: string;
  revision: string;
  path: string;
}
/** `parts`: owner, name, revision, and the parts of the file's path. */
export function hubFile(parts: readonly string[]): HubFile | null {
  const [owner, name, revision, ...path] = parts;
  if (path.length === 0 || path.length > maxPathParts || !parts.every((part) => namePart.test(part))) return null;
  return { repository: `${owner}/${name}`, revision: revision as string, path: path.join('/') };
}
export function hubEntryName({ repository, revision, path }: HubFile): string {
  return `hub:${repository}@${revision}/${path}`;
}
/** A revision that is a commit never changes its content. */
export function isFixed({ revision }: HubFile): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** An archive of a release of Ollama. */
export interface OllamaArchive {
  version: string;
  file: string;
}
export function ollamaArchive(version: string, file: string): OllamaArchive | null {
  const isOne = /^\d+\.\d+\.\d+(-rc\d+)?$/.test(version) && /^ollama-linux-[a-z0-9-]+\.(tar\.zst|tgz)$/.test(file);
  return isOne ? { version, file } : null;
}

interface Described {
  digest?: unknown;
  size?: unknown;
}
/** More layers than the largest model in single tensors has. */
const maxLayers = 20_000;

/** The blobs that a registry's manifest names, without the manifest itself; null: it is none. */
export function blobsOfManifest(text: string): Blob[] | null {
  let parsed: { layers?: unknown; config?: Described };
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || !Array.isArray(parsed.layers)) return null;
  const config = parsed.config?.digest ? [parsed.config] : [];
  const described: Described[] = [...parsed.layers, ...config];
  if (described.length === 0 || described.length > maxLayers) return null;
  const blobs = new Map<Digest, Blob>();
  for (const each of described) {
    const { digest, size } = each ?? {};
    if (typeof digest !== 'string' || !isDigest(digest)) return null;
    if (!isSize(size)) return null;
    blobs.set(digest, { digest, sizeBytes: size });
  }
  return [...blobs.values()];
}

export function isSize(size: unknown): size is number {
  return Number.isSafeInteger(size) && (size as number) >= 0 && (size as number) <= maxBlobBytes;
}
