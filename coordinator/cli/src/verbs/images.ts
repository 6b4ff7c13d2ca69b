// Verbs for images for the cards of Raspberry Pis: what the coordinator keeps, what it is brought, and what is written to a card.
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  FleetError,
  type FleetImage,
  type ImageArrival,
  type ImageList,
  imagerList,
  maxImageManifestBytes,
  maxPersonalFileBytes,
} from '@blackroad/protocol';
import { sha256OfFile } from '@blackroad/std/sha256';
import { placeFor } from '../place-for.ts';
import { argument, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, bytes, table } from '../words.ts';

const shownDigits = 12;
const nameOf = ({ manifest: { name, version } }: FleetImage) => `${name}-${version}`;
const signedWords = ({ keyId }: FleetImage) => keyId ?? 'not signed';
/** Of an image that Imager brings along itself; there is none of ours beside a file. */
const imagersIcon = 'icons/use_custom.png';
/** Imager 2.x opens files that end so; 1.x takes any after --repo. */
const listEnding = '.rpi-imager-manifest';

function listWords({ images }: ImageList, call: VerbCall): string {
  if (images.length === 0)
    return `No images yet. Build one with make image and a key, then: ${call.as.fleet('images add <folder>')}`;
  const now = call.clock.nowMs();
  const rows = images.map((image) => [
    nameOf(image),
    image.sha256.slice(0, shownDigits),
    bytes(image.manifest.download.bytes),
    bytes(image.manifest.image.bytes),
    signedWords(image),
    `${ago(image.addedMs, now)} by ${image.addedBy}`,
  ]);
  const head = ['IMAGE', 'SHA256', 'SIZE', 'ON A CARD', 'SIGNED BY', 'ADDED'];
  return table(head, rows, call.columns, call.paint, ['ADDED', 'SIGNED BY', 'ON A CARD']);
}

/** By name or the beginning of its hash; the newest, where none is typed. */
async function found(call: VerbCall, typed: string | undefined): Promise<FleetImage> {
  const { images } = await call.client().call('images');
  const fits = images.filter(
    (image) => typed === undefined || nameOf(image) === typed || (typed.length >= 8 && image.sha256.startsWith(typed)),
  );
  const [first] = fits;
  if (first && (fits.length === 1 || typed === undefined)) return first;
  if (first) throw wrongUse(`${typed} is the beginning of ${fits.length} images: type more of it.`);
  const detail =
    typed === undefined
      ? `There is no image here yet: ${call.as.fleet('images add <folder>')}`
      : `There is no image ${typed}; fleet images lists those that are here.`;
  throw new FleetError('no-such-image', { detail });
}

/** The manifest of the only image in a folder, or the one that is named. */
function manifestAt(path: string): string {
  if (!existsSync(path)) throw wrongUse(`${path}: there is no such folder.`);
  if (!statSync(path).isDirectory()) return path;
  const names = readdirSync(path).filter((name) => existsSync(join(path, name.replace(/\.json$/, '.img.xz'))));
  const [name, ...more] = names.filter((each) => each.endsWith('.json'));
  if (name === undefined)
    throw wrongUse(`${path}: expected what make image leaves there, an image (.img.xz) with its .json, got none.`);
  if (more.length > 0)
    throw wrongUse(`${path}: expected one image, got ${more.length + 1}: name the .json of the one that you mean.`);
  return join(path, name);
}

async function add(call: VerbCall): Promise<void> {
  const path = manifestAt(argument(call, 0, '<folder>'));
  const file = path.replace(/\.json$/, '.img.xz');
  if (!existsSync(file)) throw wrongUse(`${file}: expected the image beside its .json, got nothing.`);
  if (statSync(path).size > maxImageManifestBytes)
    throw wrongUse(`${path}: expected the .json of an image, got ${bytes(statSync(path).size)}.`);
  const client = call.client();
  const signature = existsSync(`${path}.minisig`) ? readFileSync(`${path}.minisig`, 'utf8') : undefined;
  let arrival: ImageArrival = await client.call('imageAdd', {
    body: {
      manifest: readFileSync(path, 'utf8'),
      ...(signature === undefined ? {} : { signature }),
      ...(call.flags.unsigned === true ? { unsigned: true } : {}),
    },
  });
  const { size } = statSync(file);
  if (size !== arrival.bytes)
    throw wrongUse(`${file}: expected ${arrival.bytes} bytes, as its .json says, got ${size}.`);
  while (!arrival.image) {
    const { sha256, heldBytes, partBytes } = arrival;
    const end = Math.min(size, heldBytes + partBytes);
    const part = {
      ...{ name: basename(file), bytes: end - heldBytes, fields: {} },
      content: () => createReadStream(file, { start: heldBytes, end: end - 1 }),
    };
    arrival = await client.upload('imagePart', part, { params: { image: sha256 }, query: { offset: heldBytes } });
    const quarter = Math.floor((4 * arrival.heldBytes) / size);
    if (!call.json && call.interactive && quarter > Math.floor((4 * heldBytes) / size))
      call.note(`${bytes(arrival.heldBytes)} of ${bytes(size)}`);
  }
  const { image } = arrival;
  call.show(
    image,
    () => `${nameOf(image)} is here for cards, ${image.keyId ? `signed by ${image.keyId}` : 'not signed'}.`,
  );
}

/** Resolves with the path of a file that was not there before. */
async function save(call: VerbCall, { sha256, manifest }: FleetImage, personal: string | null): Promise<string> {
  const path = placeFor(textFlag(call, 'to') ?? './', manifest.download.file);
  const client = call.client();
  const params = { image: sha256 };
  if (personal === null) await client.save('imageContent', { params }, path, call.signal);
  else {
    const { ticket } = await client.call('imagePersonal', { params, body: { file: personal } });
    await client.save('imagePersonalContent', { params: { ...params, ticket } }, path, call.signal);
  }
  return path;
}

function settingsOf(call: VerbCall): string | null {
  const path = textFlag(call, 'settings');
  if (path === undefined) return null;
  if (!existsSync(path)) throw wrongUse(`--settings ${path}: there is no such file.`);
  if (statSync(path).size > maxPersonalFileBytes)
    throw wrongUse(`--settings ${path}: expected a blackroad.yaml, got ${bytes(statSync(path).size)}.`);
  return readFileSync(path, 'utf8');
}

async function download(call: VerbCall): Promise<void> {
  const personal = settingsOf(call);
  const image = await found(call, call.args[0]);
  const path = await save(call, image, personal);
  call.show({ path, sha256: image.sha256, settings: personal !== null }, () =>
    [
      `${path}${personal === null ? '' : ' holds your settings: delete it once it is on the card'}.`,
      `Write it to a card with Raspberry Pi Imager (Use custom), or: xz -dc ${basename(path)} | sudo dd of=/dev/sdX bs=4M conv=fsync status=progress`,
    ].join('\n'),
  );
}

async function imager(call: VerbCall): Promise<void> {
  const folder = textFlag(call, 'to');
  if (folder === undefined) {
    const { imager: url } = await call.client().call('images');
    if (url === null)
      throw wrongUse("--to: expected a folder: Imager reads the coordinator's own list on its machine alone.");
    call.show({ url }, () => `On this machine: rpi-imager --repo ${url}`);
    return;
  }
  const image = await found(call, call.args[0]);
  mkdirSync(folder, { recursive: true });
  const { file, sha256 } = image.manifest.download;
  const path = join(resolve(folder), file);
  // Run again, it brings what is missing.
  if (!existsSync(path) || (await sha256OfFile(path, call.signal)) !== sha256)
    await call.client().save('imageContent', { params: { image: sha256 } }, path, call.signal);
  const list = path.replace(/\.img\.xz$/, listEnding);
  const content = imagerList([image], { urlOf: () => pathToFileURL(path).href, icon: imagersIcon });
  writeFileSync(list, `${JSON.stringify(content, null, 1)}\n`);
  call.show({ list, path }, () => `Open ${list} with Raspberry Pi Imager 2.x, or: rpi-imager --repo ${list}`);
}

export const imageVerbs: Verb[] = [
  {
    words: 'images',
    args: '',
    text: 'Images for Raspberry Pis that are kept here.',
    async run(call) {
      const list = await call.client().call('images');
      call.show(list, () => listWords(list, call));
    },
  },
  {
    words: 'images add',
    args: '<folder>',
    text: 'Keeps the image that make image left in a folder; of several, name the .json of one.',
    flags: { unsigned: { type: 'boolean', text: 'Take it although no trusted key signed it.' } },
    run: add,
  },
  {
    words: 'images remove',
    args: '<image>',
    text: 'Keeps an image no longer: by its name, or the beginning of its hash.',
    async run(call) {
      const image = await found(call, argument(call, 0, '<image>'));
      await call.client().call('imageRemove', { params: { image: image.sha256 } });
      call.show(image, () => `${nameOf(image)} is removed.`);
    },
  },
  {
    words: 'images download',
    args: '[image]',
    text: 'Saves an image, the newest where none is named; with settings, they are in it.',
    flags: {
      settings: {
        type: 'string',
        value: 'file',
        text: 'A blackroad.yaml that is put into it (docs/personal-file.md).',
      },
      to: { type: 'string', value: 'path', text: 'File or folder; without it, the current folder.' },
    },
    run: download,
  },
  {
    words: 'images imager',
    args: '[image]',
    text: 'How Raspberry Pi Imager shows the image with its settings page: on this machine, or with --to on any.',
    flags: { to: { type: 'string', value: 'folder', text: 'Saves the image with a list for Imager there.' } },
    run: imager,
  },
];
