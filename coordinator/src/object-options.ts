// The options of the object store, and what is wrong with them. Pure but for reading them.
import { OptionError, type Values } from '@blackroad/std/options';
import { readS3Address } from './objects/s3/s3-address.ts';

export const objectOptions = {
  objects: {
    type: 'text',
    flag: 'objects',
    env: 'BLACKROAD_OBJECTS',
    default: '',
    text: 'Object store for the files of documents and other large content: s3://bucket/prefix?endpoint=https://minio.lan:9000&region=eu-central-1 for any S3-compatible store, without endpoint one of AWS (docs/objects.md). Empty: the data folder.',
  },
  objectsHome: {
    type: 'choice',
    flag: 'objects-home',
    env: 'BLACKROAD_OBJECTS_HOME',
    default: 'store',
    choices: ['store', 'disk'],
    text: 'Where objects belong while a store is set: `store` brings there what is in the data folder, `disk` brings all of it back, so that the store can be left.',
  },
  objectsKeyId: {
    type: 'text',
    flag: 'objects-key-id',
    env: 'BLACKROAD_OBJECTS_KEY_ID',
    otherEnv: 'AWS_ACCESS_KEY_ID',
    default: '',
    text: 'Id of the key for the object store.',
  },
  objectsSecret: {
    type: 'secret',
    flag: 'objects-secret-file',
    env: 'BLACKROAD_OBJECTS_SECRET',
    otherEnv: 'AWS_SECRET_ACCESS_KEY',
    default: '',
    text: 'Secret of that key.',
  },
  objectsSession: {
    type: 'secret',
    flag: 'objects-session-file',
    env: 'BLACKROAD_OBJECTS_SESSION',
    otherEnv: 'AWS_SESSION_TOKEN',
    default: '',
    text: 'Session token of a key of AWS that ends; the coordinator does not renew it.',
  },
  objectsRegion: {
    type: 'text',
    flag: 'objects-region',
    env: 'BLACKROAD_OBJECTS_REGION',
    otherEnv: 'AWS_REGION',
    default: '',
    text: 'Region of the bucket where --objects names none. Empty: us-east-1 with an endpoint; AWS has to be told.',
  },
  objectsCa: {
    type: 'file',
    flag: 'objects-ca',
    env: 'BLACKROAD_OBJECTS_CA',
    default: '',
    text: 'Certificate of the CA that the object store has its certificate from, in PEM. Empty: one that the system trusts.',
  },
} as const;

const maxKeyIdChars = 256;

/** @throws OptionError */
export function checkObjectOptions(config: Values<typeof objectOptions>): void {
  const { objects, objectsHome, objectsKeyId, objectsSecret, objectsRegion, objectsCa } = config;
  if (objects === '') {
    if (objectsHome === 'disk')
      throw new OptionError('--objects-home: expected --objects with it, the store that is to be left.');
    if (objectsCa !== '') throw new OptionError('--objects-ca: expected --objects with it, the store that it is for.');
    return;
  }
  const address = readS3Address(objects, objectsRegion);
  if ('fault' in address) throw new OptionError(`--objects: expected ${address.fault}.`);
  if (!/^[\x21-\x7e]+$/.test(objectsKeyId) || objectsKeyId.length > maxKeyIdChars)
    throw new OptionError(
      '--objects: expected --objects-key-id or AWS_ACCESS_KEY_ID with it, the id of a key of the store.',
    );
  if (objectsSecret === '')
    throw new OptionError(
      '--objects: expected --objects-secret-file or AWS_SECRET_ACCESS_KEY with it, the secret of that key.',
    );
  if (objectsCa !== '' && !objectsCa.includes('-----BEGIN CERTIFICATE-----'))
    throw new OptionError('--objects-ca: expected a file with a certificate in PEM.');
}
