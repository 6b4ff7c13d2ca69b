// The model cache: what of registries and hubs was asked for once is given from here on, also when the internet is gone. In: the name of a
// model or file, or a digest, and who asks. Out: the blob, whole or while it is fetched, or a CacheProblem. A name whose content may change
// is asked about anew after a minute; where nobody answers, the content it had last holds.
import type { IncomingMessage } from 'node:http';
import { httpGet, RedirectError } from '@blackroad/std/http-get';
import { sha256Hex } from '@blackroad/std/sha256';
import type { BlobFetch, FetchParts } from './blob-fetch.ts';
import { asProblem, CacheProblem } from './cache-problem.ts';
import {
  type Blob,
  blobsOfManifest,
  type Digest,
  digestOfHex,
  type Entry,
  type HubFile,
  hubEntryName,
  isDigest,
  isFixed,
  isSize,
  type OllamaArchive,
  type RegistryName,
  shownName,
} from './content.ts';
import type { Counts } from './counts.ts';
import { Fetches } from './fetches.ts';
import type { Holdings } from './holdings.ts';
import { Room } from './room.ts';
import { statusProblem } from './status-problem.ts';

export interface CacheParts extends Omit<FetchParts, 'onFetched' | 'onBytes' | 'isTight'> {
  holdings: Holdings;
  counts: Counts;
  maxBytes: number | null;
  /** Null: nothing is fetched from there. */
  registryUrl: string | null;
  hubUrl: string | null;
  ollamaUrl: string | null;
  onChange: () => void;
}
/** A blob that somebody reads; `close` once when it is over. */
export interface OpenBlob extends Blob {
  /** Where it is whole on the disk; null: `fetch` brings it. */
  path: string | null;
  fetch: BlobFetch | null;
  close(): void;
}

/** A hundred nodes that are told at once to fetch one model are one question to the registry. */
const freshMs = 60_000;
const manifestTypes = 'application/vnd.docker.distribution.manifest.v2+json';
const maxManifestBytes = 4 * 1024 ** 2;
/** Files of a hub that have no SHA-256 there, such as vocabularies, are read into memory to learn it. */
const maxUntoldBytes = 32 * 1024 ** 2;
const bodyMs = 30_000;
/** A use is noted on the disk at most so often. */
const noteUseMs = 60_000;
/** Each name is a small file: the bound of bytes alone would allow very many. */
const maxNames = 5000;

export class ModelCache {
  readonly room: Room;
  readonly #parts: CacheParts;
  readonly #fetches: Fetches;
  /** Questions about names that are under way. */
  readonly #asking = new Map<string, Promise<Entry>>();

  constructor(parts: CacheParts) {
    this.#parts = parts;
    const { disk, holdings, counts, log, clock, random, rate, onChange } = parts;
    this.room = new Room({ disk, holdings, maxBytes: parts.maxBytes, log });
    const onFetched = (bytes: number) => counts.add('fetchedBytes', bytes);
    const shared = { disk, rate, clock, random, log, onFetched };
    this.#fetches = new Fetches({ holdings, room: this.room, shared, clock, random, log, onChange });
  }

  /** Fetches under way. */
  get fetching(): number {
    return this.#fetches.count;
  }

  /** The manifest of a model; `tag` may be the digest of one. */
  async manifest(name: RegistryName, who: string): Promise<OpenBlob> {
    const entry = await this.#entry(shownName(name), true, () => this.#askRegistry(name));
    const digest = entry.manifest;
    const blob = entry.blobs.find((each) => each.digest === digest);
    if (!blob) throw new CacheProblem('name', `${entry.name} is no model of a registry`);
    return this.#open(blob, who, null, entry.name);
  }

  /** A blob of a model of the registry. */
  async registryBlob({ namespace, model }: Omit<RegistryName, 'tag'>, digest: Digest, who: string): Promise<OpenBlob> {
    const { registryUrl } = this.#parts;
    const url = registryUrl && `${registryUrl}/v2/${namespace}/${model}/blobs/${digest}`;
    return this.#open(await this.#sized(digest, url), who, url, `${model} ${digest.slice(7, 19)}`);
  }

  /** A blob that is held or being fetched. */
  async blob(digest: Digest, who: string): Promise<OpenBlob> {
    return this.#open(await this.#sized(digest, null), who, null, digest.slice(7, 19));
  }

  /** A file of the hub; `said`: what the asker knows of it, as the catalogue of a node-agent does. */
  async hubFile(file: HubFile, said: Blob | null, who: string): Promise<OpenBlob> {
    const { hubUrl } = this.#parts;
    const name = hubEntryName(file);
    const held = this.#parts.holdings.entries.get(name);
    const isKnown = held !== undefined && (said === null || held.blobs[0]?.digest === said.digest);
    const url = hubUrl && `${hubUrl}/${file.repository}/resolve/${file.revision}/${file.path}`;
    // What an asker says is good for the asker alone: who says nothing gets what the hub says.
    if (!isKnown && said) await this.#keepEntry({ name, blobs: [said], checkedMs: 0 });
    const mayChange = said === null && !(isFixed(file) && held?.checkedMs);
    const entry = await this.#entry(name, mayChange, () => this.#askHub(name, url));
    return this.#open(entry.blobs[0] as Blob, who, url, name);
  }

  /** An archive of a release of Ollama. Whoever asks knows its digest: what comes from elsewhere under this name is refused. */
  async ollamaArchive({ version, file }: OllamaArchive, digest: Digest, who: string): Promise<OpenBlob> {
    const { ollamaUrl, holdings } = this.#parts;
    const name = `ollama:${version}/${file}`;
    const url = ollamaUrl && `${ollamaUrl}/v${version}/${file}`;
    if (url === null && holdings.wholeBytes(digest) === null)
      throw new CacheProblem('network', `the cache does not hold ${name}, and fetches no releases of Ollama`);
    const blob = await this.#sized(digest, url);
    if (holdings.entries.get(name)?.blobs[0]?.digest !== digest)
      await this.#keepEntry({ name, blobs: [blob], checkedMs: 0 });
    return this.#open(blob, who, url, name);
  }

  /** Removes a name and what no other name has of its content. Rejects with CacheProblem where it is in use. */
  async remove(name: string): Promise<number> {
    const { holdings, onChange } = this.#parts;
    if (!holdings.entries.has(name)) throw new CacheProblem('name', `the cache does not hold ${name}`);
    const going = holdings.goesWith(name);
    if (!going) throw new CacheProblem('busy', `${name} is being fetched or read now`, { retryAfterS: 60 });
    const bytes = this.#bytesOf(going.digests);
    await this.room.remove(going);
    onChange();
    return bytes;
  }

  /** Removes what no name has, what interrupted fetches left, and names without content; returns the bytes. */
  async prune(): Promise<number> {
    const { holdings, onChange } = this.#parts;
    const going = holdings.mayGo();
    const digests = going.flatMap((each) =>
      each.digests.filter((digest) => each.name === null || holdings.isPart(digest)),
    );
    const bytes = this.#bytesOf(digests);
    await this.room.remove({ name: null, digests });
    for (const { name } of going)
      if (name !== null && !holdings.hasContent(name)) await this.room.remove({ name, digests: [] });
    onChange();
    return bytes;
  }

  close(): Promise<void> {
    return this.#fetches.close();
  }

  #bytesOf(digests: readonly Digest[]): number {
    return digests.reduce((total, digest) => total + this.#parts.holdings.bytesOf(digest), 0);
  }

  /** What the name means now. `mayChange`: it is asked about when the last answer is old. */
  async #entry(name: string, mayChange: boolean, ask: () => Promise<Entry>): Promise<Entry> {
    const { holdings, clock, log } = this.#parts;
    const held = holdings.entries.get(name);
    if (held && (!mayChange || Math.abs(clock.nowMs() - held.checkedMs) < freshMs)) return held;
    let asked = this.#asking.get(name);
    if (!asked) {
      asked = ask().finally(() => this.#asking.delete(name));
      this.#asking.set(name, asked);
    }
    try {
      return await asked;
    } catch (error) {
      if (!held) throw error;
      log.info({ name, problem: (error as Error).message }, 'the cache answers with the content that it has');
      return held;
    }
  }

  async #askRegistry(name: RegistryName): Promise<Entry> {
    const { registryUrl, clock } = this.#parts;
    const shown = shownName(name);
    if (registryUrl === null)
      throw new CacheProblem('network', `the cache does not hold ${shown}, and fetches from no registry`);
    const url = `${registryUrl}/v2/${name.namespace}/${name.model}/manifests/${name.tag}`;
    const bytes = await this.#smallBody(url, maxManifestBytes, { accept: manifestTypes });
    const blobs = blobsOfManifest(bytes.toString('utf8'));
    if (!blobs)
      throw new CacheProblem('network', `${new URL(url).host} answers ${shown} with something else than a manifest`);
    const manifest = `sha256:${sha256Hex(bytes)}`;
    if (isDigest(name.tag) && name.tag !== manifest)
      throw new CacheProblem('digest', `${new URL(url).host} answers ${name.tag} with the manifest ${manifest}`);
    await this.#keepSmall(manifest, bytes);
    const all = [{ digest: manifest, sizeBytes: bytes.length }, ...blobs];
    return this.#keepEntry({ name: shown, manifest, blobs: all, checkedMs: clock.nowMs() });
  }

  async #askHub(name: string, url: string | null): Promise<Entry> {
    const { clock } = this.#parts;
    if (url === null) throw new CacheProblem('network', `the cache does not hold ${name}, and fetches from no hub`);
    const head = await this.#ask(url, { method: 'HEAD', redirects: 0 });
    head.destroy();
    const status = head.statusCode ?? 0;
    if (status >= 400) throw statusProblem(url, status, head.headers['retry-after']);
    // The hub tells the SHA-256 of large files in this header of its own answer, before it redirects to where the file is.
    const digest = digestOfHex(String(head.headers['x-linked-etag'] ?? '').replaceAll('"', ''));
    const sizeBytes = Number(head.headers['x-linked-size']);
    if (digest && isSize(sizeBytes))
      return this.#keepEntry({ name, blobs: [{ digest, sizeBytes }], checkedMs: clock.nowMs() });
    const bytes = await this.#smallBody(url, maxUntoldBytes, {});
    const found = `sha256:${sha256Hex(bytes)}`;
    await this.#keepSmall(found, bytes);
    return this.#keepEntry({ name, blobs: [{ digest: found, sizeBytes: bytes.length }], checkedMs: clock.nowMs() });
  }

  async #keepEntry(entry: Entry): Promise<Entry> {
    const { holdings, disk, clock } = this.#parts;
    await disk.writeEntry(entry);
    holdings.putEntry(entry, clock.nowMs());
    if (holdings.entries.size > maxNames) {
      const oldest = holdings.mayGo().find(({ name }) => name !== null);
      if (oldest) await this.room.remove(oldest);
    }
    return entry;
  }

  async #keepSmall(digest: Digest, bytes: Buffer): Promise<void> {
    const { holdings, disk, counts } = this.#parts;
    counts.add('fetchedBytes', bytes.length);
    if (holdings.wholeBytes(digest) !== null) return;
    await this.room.make(bytes.length, 'a manifest', () => holdings.putWhole(digest, bytes.length));
    await disk.writeSmall(digest, bytes).catch((error) => {
      holdings.drop(digest);
      throw asProblem(error, 'the disk of the cache');
    });
  }

  /** The blob with its size, which a name, the blob itself or the place tells. */
  async #sized(digest: Digest, url: string | null): Promise<Blob> {
    const known = this.#parts.holdings.sizeOf(digest) ?? this.#fetches.find(digest)?.blob.sizeBytes;
    if (known !== undefined) return { digest, sizeBytes: known };
    if (url === null) throw new CacheProblem('name', `the cache does not hold ${digest}`);
    const head = await this.#ask(url, { method: 'HEAD' });
    head.destroy();
    const status = head.statusCode ?? 0;
    if (status !== 200) throw statusProblem(url, status, head.headers['retry-after']);
    const sizeBytes = Number(head.headers['content-length']);
    if (!isSize(sizeBytes))
      throw new CacheProblem('network', `${new URL(url).host} does not tell how large ${digest} is`);
    return { digest, sizeBytes };
  }

  async #open(blob: Blob, who: string, url: string | null, what: string): Promise<OpenBlob> {
    const { holdings, disk, onChange } = this.#parts;
    const { digest } = blob;
    // From here on nothing removes it.
    const release = holdings.reads(digest, who);
    const close = () => {
      release();
      this.#fetches.left(digest);
      onChange();
    };
    try {
      this.#used(digest);
      const whole = holdings.wholeBytes(digest);
      if (whole !== null) return { digest, sizeBytes: whole, path: disk.wholePath(digest), fetch: null, close };
      const running = this.#fetches.find(digest);
      if (running && !running.isStopped) return { ...blob, path: null, fetch: running, close };
      if (url === null)
        throw new CacheProblem('name', `the cache does not hold all of ${what}, and has no place to fetch it from`);
      return { ...blob, path: null, fetch: await this.#fetches.begin(blob, url, what), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  #used(digest: Digest): void {
    const { holdings, disk, clock } = this.#parts;
    const nowMs = clock.nowMs();
    for (const name of holdings.namesOf(digest)) {
      const before = holdings.entries.get(name)?.usedMs ?? 0;
      if (Math.abs(nowMs - before) < noteUseMs) continue;
      holdings.used(name, nowMs);
      disk.noteUse(name, nowMs).catch(() => {}); // the next use is noted
    }
  }

  async #ask(
    url: string,
    how: { method?: 'HEAD'; redirects?: number; headers?: Record<string, string> },
  ): Promise<IncomingMessage> {
    try {
      return await httpGet({ url, clock: this.#parts.clock, ...how });
    } catch (error) {
      if (error instanceof RedirectError) throw new CacheProblem('network', error.message, { cause: error });
      throw asProblem(error, new URL(url).host);
    }
  }

  async #smallBody(url: string, maxBytes: number, headers: Record<string, string>): Promise<Buffer> {
    const { clock } = this.#parts;
    const response = await this.#ask(url, { headers });
    const status = response.statusCode ?? 0;
    const { host } = new URL(url);
    const late = clock.after(bodyMs, () => response.destroy(new Error(`nothing whole within ${bodyMs / 1000} s`)));
    try {
      if (status !== 200) throw statusProblem(url, status, response.headers['retry-after']);
      const pieces: Buffer[] = [];
      let bytes = 0;
      for await (const piece of response as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > maxBytes)
          throw new CacheProblem('network', `${host} answers ${url} with more than ${maxBytes} bytes`);
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    } catch (error) {
      throw asProblem(error, host);
    } finally {
      late.cancel();
      response.destroy();
    }
  }
}
