// Addresses of buckets as people write them.
import t from 'tap';
import { readS3Address } from './s3-address.ts';

const url = (text: string, region = '') => {
  const read = readS3Address(text, region);
  return 'fault' in read ? read.fault : `${read.url} ${read.prefix} ${read.region}`;
};

t.test('where requests go', async (t) => {
  t.equal(url('s3://docs?region=eu-central-1'), 'https://docs.s3.eu-central-1.amazonaws.com  eu-central-1');
  t.equal(url('s3://docs/', 'eu-west-3'), 'https://docs.s3.eu-west-3.amazonaws.com  eu-west-3');
  t.equal(url('s3://my.docs/a/b/?region=us-east-2'), 'https://s3.us-east-2.amazonaws.com/my.docs a/b us-east-2');
  t.equal(url('s3://docs/fleet?endpoint=https://minio.lan:9000'), 'https://minio.lan:9000/docs fleet us-east-1');
  t.equal(url('s3://docs?endpoint=minio.lan:9000/&region=garage'), 'https://minio.lan:9000/docs  garage');
  t.equal(
    url('s3://docs?endpoint=https://s3.eu-central-003.backblazeb2.com&region=eu-central-003&pathStyle=false'),
    'https://docs.s3.eu-central-003.backblazeb2.com  eu-central-003',
  );
  t.equal(
    url('s3://docs?region=eu-central-1&pathStyle=true'),
    'https://s3.eu-central-1.amazonaws.com/docs  eu-central-1',
  );
  t.equal(url('s3://docs?endpoint=http://[::1]:9000'), 'http://[::1]:9000/docs  us-east-1');
});

t.test('for people it has no more than they need, and never a key', async (t) => {
  t.match(readS3Address('s3://docs/a?endpoint=https://minio.lan:9000', ''), { words: 's3://docs/a at minio.lan:9000' });
  t.match(readS3Address('s3://docs?region=eu-central-1', ''), { words: 's3://docs (eu-central-1)' });
});

t.test('what is wrong is said, without what may be a key', async (t) => {
  const wrong: [text: string, fault: RegExp][] = [
    ['gs://docs', /^an address like s3:\/\/bucket\/prefix\?endpoint=.*, got another scheme or none$/],
    ['docs', /another scheme or none/],
    ['s3://', /the name of a bucket after s3:\/\/.*got ""/],
    ['s3://Docs', /the name of a bucket/],
    ['s3://d/x?region=a', /the name of a bucket/],
    ['s3://id:secret@docs', /^an address without keys/],
    ['s3://docs/a/../b?region=a', /^a prefix of letters/],
    ['s3://docs/a b?region=a', /^a prefix of letters/],
    [`s3://docs/${'a'.repeat(201)}?region=a`, /^a prefix of letters/],
    ['s3://docs?secret=hidden&region=a', /^endpoint, region, pathStyle behind the \?, got "secret"$/],
    ['s3://docs?pathStyle=yes&region=a', /^pathStyle=true or pathStyle=false$/],
    ['s3://docs?endpoint=https://minio.lan/s3', /^endpoint=https:\/\/host/],
    ['s3://docs?endpoint=ftp://minio.lan', /^endpoint=https:\/\/host/],
    ['s3://docs', /^region= behind the \?, or AWS_REGION/],
    ['s3://docs?region=Frankfurt am Main', /^a region like eu-central-1$/],
  ];
  for (const [text, fault] of wrong) t.match(url(text), fault, text);
  for (const [text] of wrong) t.notMatch(url(text), /hidden|id:secret/, text);
});
