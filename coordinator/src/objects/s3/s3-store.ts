// Objects in a bucket of any S3-compatible store: `<prefix>/<fleet>/<two digits>/<hash>`, one request each. The folder of the fleet keeps fleets of one
// bucket apart: nothing outside of it is listed, written or removed. In: files. Out: files, and StoreFaults.
import { createReadStream } from 'node:fs';
import type { ObjectStore, Stored } from '../object-store.ts';
import { StoreFault } from '../object-store.ts';
import { checkFile, writeChecked } from '../whole-object.ts';
import { S3Client, type S3Parts } from './s3-client.ts';
import { xmlTexts } from './xml-texts.ts';

/** What a server may answer to one listing; each asks for the next thousand. */
const maxPages = 1_000;

export class S3Store implements ObjectStore {
  readonly where: string;
  readonly #client: S3Client;
  readonly #folder: string;
  keepsRemoved = false;

  /** `fleet`: the name of its folder. */
  constructor(parts: S3Parts, fleet: string) {
    const { prefix, words } = parts.address;
    this.#client = new S3Client(parts);
    this.#folder = prefix === '' ? fleet : `${prefix}/${fleet}`;
    this.where = words;
  }

  async *list(): AsyncGenerator<Stored> {
    let token = '';
    for (let page = 0; page < maxPages; page++) {
      const { text } = await this.#client.ask({
        ...{ method: 'GET', key: '', what: 'list its objects' },
        query: {
          ...{ 'list-type': '2', prefix: `${this.#folder}/` },
          ...(token === '' ? {} : { 'continuation-token': token }),
        },
      });
      const { objects, next } = this.#readPage(text);
      yield* objects;
      if (next === '' || next === token) return;
      token = next;
    }
    throw new StoreFault('refused', `${this.where} has more objects of this fleet than can be listed.`);
  }

  async put(object: Stored, from: string): Promise<void> {
    const { sha256, bytes } = object;
    await checkFile(from, object, 'the data folder');
    const key = this.#keyOf(sha256);
    const body = { sha256, bytes, open: () => createReadStream(from) };
    await this.#client.ask({ method: 'PUT', key, body, bytes, what: 'write an object' });
    // Some take an object and keep another length of it.
    const { headers } = await this.#client.ask({ method: 'HEAD', key, what: 'look at an object' });
    if (Number(headers['content-length']) !== bytes)
      throw new StoreFault('refused', `${this.where} did not keep the whole of an object of ${bytes} bytes.`);
  }

  async fetch(object: Stored, to: string): Promise<void> {
    const { sha256, bytes } = object;
    await this.#client.read({ method: 'GET', key: this.#keyOf(sha256), bytes, what: 'give an object' }, (stream) =>
      writeChecked(stream, to, object, this.where),
    );
  }

  async remove(sha256: string): Promise<void> {
    const asked = { method: 'DELETE', key: this.#keyOf(sha256), what: 'remove an object' } as const;
    try {
      const { headers } = await this.#client.ask(asked);
      if (headers['x-amz-delete-marker'] === 'true') this.keepsRemoved = true;
    } catch (error) {
      // AWS says that it is done, others that it is not there.
      if (!(error instanceof StoreFault && error.kind === 'missing')) throw error;
    }
  }

  /** One object: it needs the right to list, and has words when it is refused. */
  async check(): Promise<void> {
    const query = { 'list-type': '2', prefix: `${this.#folder}/`, 'max-keys': '1' };
    await this.#client.ask({ method: 'GET', key: '', query, what: 'list its objects' });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #keyOf(sha256: string): string {
    return `${this.#folder}/${sha256.slice(0, 2)}/${sha256}`;
  }

  #readPage(xml: string): { objects: Stored[]; next: string } {
    const rows = new Map<number, { key?: string; bytes?: number }>();
    let next = '';
    for (const { name, text, row } of xmlTexts(xml, ['Key', 'Size', 'NextContinuationToken'], 'Contents')) {
      if (name === 'NextContinuationToken') next = text;
      else rows.set(row, { ...rows.get(row), ...(name === 'Key' ? { key: text } : { bytes: Number(text) }) });
    }
    const objects: Stored[] = [];
    for (const { key = '', bytes = Number.NaN } of rows.values()) {
      const sha256 = key.slice(-64);
      if (/^[0-9a-f]{64}$/.test(sha256) && key === this.#keyOf(sha256) && Number.isSafeInteger(bytes))
        objects.push({ sha256, bytes });
    }
    return { objects, next };
  }
}
