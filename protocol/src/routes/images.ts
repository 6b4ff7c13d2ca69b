// Routes of images for the cards of Raspberry Pis: what the coordinator keeps, an image with somebody's personal file in it, and the list that
// Raspberry Pi Imager reads.
import { Fingerprint } from '../ids.ts';
import { ImageArrival, ImageList, PersonalImage } from '../image.ts';
import {
  maxImageBytes,
  maxImageManifestBytes,
  maxImagePartBytes,
  maxPersonalFileBodyBytes,
  maxPersonalFileBytes,
} from '../limits.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const params = Type.Object({ image: Fingerprint });
const strict = { additionalProperties: false };

export const imageRoutes = {
  images: route({
    method: 'GET',
    path: '/v1/images',
    needs: 'releases:read',
    text: 'Images for Raspberry Pis that the coordinator keeps.',
    answer: ImageList,
  }),
  imageAdd: route({
    method: 'POST',
    path: '/v1/images',
    needs: 'releases:write',
    text: 'Begin to bring an image, by what it says of itself. Refused unless a trusted key signed that, or `unsigned` says that it is taken all the same. The answer says how much of the image is here already.',
    body: Type.Object(
      {
        manifest: Type.String({
          maxLength: maxImageManifestBytes,
          description: 'The text of the .json file that `make image` left beside it.',
        }),
        signature: Type.Optional(Type.String({ description: 'The text of its .minisig file.' })),
        unsigned: Type.Optional(Type.Boolean({ description: 'Take it although no trusted key signed it.' })),
      },
      strict,
    ),
    bodyBytes: 2 * maxImageManifestBytes,
    answer: ImageArrival,
  }),
  imagePart: route({
    method: 'POST',
    path: '/v1/images/:image/parts',
    needs: 'releases:write',
    text: 'The next bytes of an image that is being brought: a form with a `file`. With the last of them it is checked and kept.',
    params,
    query: Type.Object({
      offset: Type.Integer({ minimum: 0, maximum: maxImageBytes, description: 'Where in the image they belong.' }),
    }),
    bodyBytes: maxImagePartBytes + 64 * 1024,
    form: true,
    answer: ImageArrival,
  }),
  imageContent: route({
    method: 'GET',
    path: '/v1/images/:image',
    needs: 'releases:read',
    text: 'The image itself, compressed with xz; with `Range`, a part of it.',
    params,
  }),
  imageRemove: route({
    method: 'DELETE',
    path: '/v1/images/:image',
    needs: 'releases:write',
    text: 'Keep an image no longer.',
    params,
  }),
  imagePersonal: route({
    method: 'POST',
    path: '/v1/images/:image/personal',
    needs: 'tokens:write',
    text: 'An image with a personal file in it, for one download that begins within a minute. The file is kept in memory until then, and nowhere else.',
    params,
    body: Type.Object(
      {
        file: Type.String({
          maxLength: maxPersonalFileBytes,
          description: 'The text of a blackroad.yaml, as docs/personal-file.md has it.',
        }),
      },
      strict,
    ),
    bodyBytes: maxPersonalFileBodyBytes,
    answer: PersonalImage,
    created: true,
  }),
  imagePersonalContent: route({
    method: 'GET',
    path: '/v1/images/:image/personal/:ticket',
    needs: 'tokens:write',
    text: 'The image with the personal file, compressed with xz: once, for who asked for it.',
    params: Type.Object({ image: Fingerprint, ticket: Type.String({ pattern: '^[0-9a-f]{32}$' }) }),
  }),
  imagerList: route({
    method: 'GET',
    path: '/imager/os_list.json',
    needs: 'open',
    text: "The images as a list for Raspberry Pi Imager, which has no key; on the coordinator's own machine alone.",
  }),
  imagerImage: route({
    method: 'GET',
    path: '/imager/:image/:file',
    needs: 'open',
    text: "An image of that list, without any settings; on the coordinator's own machine alone.",
    params: Type.Object({ image: Fingerprint, file: Type.String({ maxLength: 160 }) }),
  }),
};
