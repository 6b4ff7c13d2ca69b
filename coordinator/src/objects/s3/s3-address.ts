// The address of a bucket as people write it: s3://bucket/prefix?endpoint=https://minio.lan:9000&region=eu-central-1&pathStyle=true. In: the
// text of an option. Out: where requests go, or what is wrong with it, in words. Keys are no part of it: an address is shown and logged.
import { serverUrl } from '@blackroad/std/address';

export interface S3Address {
  bucket: string;
  /** Without slashes at its ends; empty: the bucket itself. */
  prefix: string;
  region: string;
  /** The URL of the bucket, without a slash at its end. */
  url: string;
  /** For people. */
  words: string;
}

const example = 's3://bucket/prefix?endpoint=https://minio.lan:9000';
const known = ['endpoint', 'region', 'pathStyle'];
const maxPrefixChars = 200;
/** A region that stores other than AWS take where they have none. */
const anyRegion = 'us-east-1';

/** `region`: of the environment. */
export function readS3Address(text: string, region: string): S3Address | { fault: string } {
  const [, bucket = '', path = '', query = ''] = /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text) ?? [];
  if (!text.startsWith('s3://')) return { fault: `an address like ${example}, got another scheme or none` };
  if (text.includes('@')) return { fault: `an address without keys, like ${example}` };
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    return {
      fault: `the name of a bucket after s3:// (3 to 63 of a-z, 0-9, dot and hyphen), got ${JSON.stringify(bucket.slice(0, 80))}`,
    };
  const prefix = path.replace(/^\/+|\/+$/g, '');
  if (prefix !== '' && !isPrefix(prefix))
    return { fault: `a prefix of letters, digits, dots, hyphens and underscores between slashes after ${bucket}/` };
  const params = new URLSearchParams(query);
  // Their values are left out: they may be keys.
  const unknown = [...params.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined)
    return { fault: `${known.join(', ')} behind the ?, got ${JSON.stringify(unknown.slice(0, 40))}` };
  const style = params.get('pathStyle');
  if (style !== null && style !== 'true' && style !== 'false') return { fault: 'pathStyle=true or pathStyle=false' };
  const given = params.get('endpoint');
  const endpoint = given === null ? null : serverUrl(given, { schemes: ['https', 'http'] });
  if (given !== null && (endpoint === null || new URL(endpoint).pathname !== '/'))
    return { fault: 'endpoint=https://host or https://host:port, without a path' };
  const inRegion = params.get('region') || region || (endpoint === null ? '' : anyRegion);
  if (inRegion === '') return { fault: 'region= behind the ?, or AWS_REGION: a bucket of AWS is in a region' };
  if (!/^[a-z0-9-]{1,40}$/.test(inRegion)) return { fault: `a region like eu-central-1` };
  return addressOf({ bucket, prefix, region: inRegion, endpoint, style });
}

function isPrefix(prefix: string): boolean {
  const isPart = (part: string) => /^[A-Za-z0-9._-]+$/.test(part) && part !== '.' && part !== '..';
  return prefix.length <= maxPrefixChars && prefix.split('/').every(isPart);
}

function addressOf({
  bucket,
  prefix,
  region,
  endpoint,
  style,
}: {
  bucket: string;
  prefix: string;
  region: string;
  endpoint: string | null;
  style: string | null;
}): S3Address {
  const base = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  // The certificate of AWS is for one name below it: a bucket with a dot has two.
  const isPath = style === null ? endpoint !== null || bucket.includes('.') : style === 'true';
  const url = isPath ? `${base.origin}/${bucket}` : `${base.protocol}//${bucket}.${base.host}`;
  const place = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
  return {
    bucket,
    prefix,
    region,
    url,
    words: endpoint === null ? `${place} (${region})` : `${place} at ${base.host}`,
  };
}
