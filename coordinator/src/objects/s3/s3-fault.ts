// What went wrong with a request to S3, in words for people. In: the answer of the server, or the fault of the connection. Out: a StoreFault, which never
// holds a key: the server is quoted by its code alone, as its message may quote the request.
import { StoreFault } from '../object-store.ts';
import type { S3Address } from './s3-address.ts';
import { xmlTexts } from './xml-texts.ts';

/** Of an answer that is not an object. */
export const maxAnswerBytes = 4 * 1024 * 1024;

interface Refusal {
  status: number;
  /** As S3 names it; empty where the answer has no body. */
  code: string;
  region: string | null;
}

export function readRefusal(status: number, headers: Record<string, unknown>, body: string): Refusal {
  const texts = xmlTexts(body, ['Code', 'Region']);
  const textOf = (wanted: string) => texts.find(({ name }) => name === wanted)?.text ?? '';
  const region = String(headers['x-amz-bucket-region'] ?? textOf('Region'));
  const code = textOf('Code')
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 60);
  return { status, code, region: /^[a-z0-9-]{1,40}$/.test(region) ? region : null };
}

const clockCodes = ['RequestTimeTooSkewed', 'RequestExpired'];
export const isClockRefusal = ({ code }: Refusal) => clockCodes.includes(code);

/** `what`: what was asked, such as "write an object". */
export function faultOfAnswer(refusal: Refusal, what: string, { words, bucket, region }: S3Address): StoreFault {
  const { status, code } = refusal;
  const said = `${status}${code === '' ? '' : ` ${code}`}`;
  const refused = (text: string) => new StoreFault('refused', `${words} ${text} (${said}).`);
  // Without a body the answer to a HEAD has no code.
  if (code === 'NoSuchKey' || (status === 404 && code === ''))
    return new StoreFault('missing', `${words} has no such object.`);
  if (code === 'NoSuchBucket') return refused(`has no bucket ${bucket}`);
  if (refusal.region !== null && refusal.region !== region && [301, 307, 400].includes(status))
    return refused(`is in the region ${refusal.region}, and was asked in ${region}: write region=${refusal.region}`);
  if (code === 'InvalidAccessKeyId') return refused('does not know the id of the key');
  if (code === 'SignatureDoesNotMatch') return refused('says that the secret does not belong to the id of the key');
  if (isClockRefusal(refusal)) return refused('has another time than this machine');
  if (code === 'XAmzContentSHA256Mismatch' || code === 'BadDigest')
    return new StoreFault('away', `What was sent to ${words} arrived damaged (${said}).`);
  if (status === 429 || status >= 500) return new StoreFault('away', `${words} could not ${what} (${said}).`);
  if (status === 403 || status === 401) return refused(`does not let this key ${what}`);
  return refused(`does not ${what}`);
}

const connectionWords: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  UND_ERR_DESTROYED: 'the coordinator is stopping',
};
const untrusted = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID)/;
const notTls = /^(EPROTO|ERR_SSL_)/;

/** Of a connection that could not be made, broke, or took too long. */
export function faultOfConnection(error: unknown, { words }: S3Address): StoreFault {
  if (error instanceof StoreFault) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  if (untrusted.test(code))
    return new StoreFault(
      'refused',
      `${words} has a certificate that this machine does not trust (${code}): give the certificate of its CA as --objects-ca.`,
      options,
    );
  if (notTls.test(code))
    return new StoreFault('refused', `${words} does not speak TLS: write endpoint=http://….`, options);
  const late = /TIMEOUT|ABORT/i.test(code) || (error as Error).name === 'AbortError';
  const why = connectionWords[code] ?? (late ? 'it did not answer in time' : code || message);
  return new StoreFault('away', `${words} does not answer: ${why}.`, options);
}
