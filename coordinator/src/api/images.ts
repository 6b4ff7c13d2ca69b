// Images for Raspberry Pis over HTTP: brought in parts, sent whole, sent with a person's file in them, and listed for Raspberry Pi Imager.
import {
  FleetError,
  type FleetImage,
  type ImageArrival,
  type ImageManifest,
  imagerList,
  type JoinTokenText,
  maxImagePartBytes,
  type Principal,
  readJoinToken,
} from '@blackroad/protocol';
import { readPersonalFile } from '@blackroad/protocol/personal-file';
import { padded } from '@blackroad/std/padded';
import { sha256Hex } from '@blackroad/std/sha256';
import { tokenFault } from '../fleet/access.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Call, type Handlers } from '../http/handler.ts';
import { hostOf, isLoopbackName } from '../http/reach.ts';
import { sendFile, sendStream } from './send-file.ts';
import { sendJson } from './send-json.ts';

const type = 'application/x-xz';
const wrong = (detail: string) => new FleetError('invalid-request', { detail });
const nameOf = ({ name, version, download }: ImageManifest) => ({ name, version, sha256: download.sha256 });
/** Names of keys are given again, ids are not. */
const whoOf = (by: Principal) => by.id ?? by.name;

function arrivalOf(manifest: ImageManifest, about: Pick<ImageArrival, 'heldBytes' | 'image'>): ImageArrival {
  const { sha256, bytes } = manifest.download;
  return { sha256, bytes, partBytes: maxImagePartBytes, ...about };
}

/** Imager has no key, so that it is served where no stranger is: from this machine itself, and not through a proxy on it. */
function isHere({ listener, request }: Pick<Call<'imagerList'>, 'listener' | 'request'>): boolean {
  const { forwarded, 'x-forwarded-for': by } = request.headers;
  return listener === 'loopback' && isLoopbackName(hostOf(request.host)) && forwarded === undefined && by === undefined;
}
function refuseElsewhere(call: Pick<Call<'imagerList'>, 'listener' | 'request'>): void {
  if (isHere(call)) return;
  throw new FleetError('not-allowed', {
    detail:
      "Imager's list is served on the coordinator's own machine alone; elsewhere: fleet images imager --to <folder>",
  });
}

async function noteAdded({ coordinator }: ApiContext, by: Principal, { manifest, keyId }: FleetImage): Promise<void> {
  const about = { ...nameOf(manifest), bytes: manifest.download.bytes, ...(keyId === undefined ? {} : { keyId }) };
  accepted(await coordinator.submit('audit', { by, action: 'image-add', params: about }));
}

async function takePart({ context, params, query, by, request }: Call<'imagePart'>): Promise<ImageArrival> {
  if (!request.isMultipart()) throw wrong('headers: content-type: expected multipart/form-data, got another');
  const limits = { files: 1, fields: 0, fileSize: maxImagePartBytes + 1 };
  for await (const part of request.parts({ limits })) {
    if (part.type !== 'file' || part.fieldname !== 'file') continue;
    const taken = await context.images.take(params.image, query.offset, part.file, by);
    if (!('sha256' in taken)) return arrivalOf(taken.manifest, { heldBytes: taken.arrives.heldBytes });
    await noteAdded(context, by, taken);
    return arrivalOf(taken.manifest, { heldBytes: taken.manifest.download.bytes, image: taken });
  }
  throw wrong('file: expected the next bytes of the image, got nothing');
}

/** What a card will say, as the Pi reads it. @throws FleetError that names the line */
function readSettings({ context, body }: Call<'imagePersonal'>, most: number): { content: Buffer; about: object } {
  const given = Buffer.from(body.file);
  const { file, faults } = readPersonalFile(given);
  if (!file) {
    const told = faults.map(({ line, field, text }) => `line ${line}, ${field}: ${text}`);
    throw wrong(`file: ${told.join('; ')}`);
  }
  // A last line without an end gets one.
  if (given.length >= most) throw wrong(`file: expected less than ${most} bytes, got ${given.length}`);
  const { join, name } = file;
  // It was read as one.
  const token = join === undefined ? null : (readJoinToken(join) as JoinTokenText);
  if (token) {
    // A card whose token is over would be flashed for nothing.
    const { coordinator, clock } = context;
    const fault = tokenFault(coordinator.view, token.id, sha256Hex(token.secret), clock.nowMs());
    if (fault !== null) throw new FleetError(fault);
  }
  const about = { ...(name === undefined ? {} : { node: name }), ...(token ? { token: token.id } : {}) };
  return { content: padded(body.file, most), about };
}

export const imageHandlers = {
  images({ context: { images, releases }, request, listener }) {
    return {
      images: images.list(),
      imager: isHere({ listener, request }) ? `http://${request.host}/imager/os_list.json` : null,
      keysFolder: releases.keysDir,
    };
  },
  async imageAdd({ context, body, by }) {
    const { manifest, isChanged, ...about } = await context.images.offer(body);
    if (isChanged && about.image) await noteAdded(context, by, about.image);
    return arrivalOf(manifest, about);
  },
  imagePart: takePart,
  imageContent(call) {
    const { context, params, by } = call;
    const image = context.images.get(params.image);
    const { file: name, bytes, sha256 } = image.manifest.download;
    return sendFile(call, { type, name, bytes, sha256 }, (range) => context.images.read(image, range, by.name));
  },
  async imageRemove({ context, params, by }) {
    const { manifest } = await context.images.remove(params.image);
    accepted(await context.coordinator.submit('audit', { by, action: 'image-remove', params: nameOf(manifest) }));
  },
  async imagePersonal(call) {
    const { context, params, by } = call;
    const { sha256, manifest } = context.images.get(params.image);
    const { content, about } = readSettings(call, manifest.personalFile.bytes);
    const note = { ...nameOf(manifest), ...about };
    accepted(await context.coordinator.submit('audit', { by, action: 'image-personal', params: note }));
    const { file, bytes } = manifest.download;
    return { ...context.personalImages.keep(sha256, whoOf(by), content), file, bytes };
  },
  imagePersonalContent({ context, params, reply, by }) {
    const image = context.images.get(params.image);
    const { file: name, bytes } = image.manifest.download;
    const stream = context.personalImages.redeem(params.ticket, params.image, whoOf(by), (content) =>
      context.images.readPersonal(image, content, by.name),
    );
    return sendStream(reply, { type, name, bytes }, stream);
  },
  imagerList(call) {
    refuseElsewhere(call);
    const at = `http://${call.request.host}`;
    const list = imagerList(call.context.images.list(), {
      urlOf: ({ sha256, manifest }) => `${at}/imager/${sha256}/${manifest.download.file}`,
      icon: `${at}/icon.svg`,
    });
    return sendJson(call.reply, list);
  },
  imagerImage(call) {
    refuseElsewhere(call);
    const { context, params } = call;
    const image = context.images.get(params.image);
    const { bytes, sha256 } = image.manifest.download;
    return sendFile(call, { type, bytes, sha256 }, (range) => context.images.read(image, range, 'Raspberry Pi Imager'));
  },
} satisfies Partial<Handlers>;
