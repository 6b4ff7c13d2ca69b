// A checkpoint is under its key's signature as a whole: no field of it can be changed, nor a signature of something else be used.
import { generateKeyPairSync, sign } from 'node:crypto';
import t from 'tap';
import { type Checkpoint, checkpointHash, isSigned, type SignedCheckpoint, signedText } from './checkpoint.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const checkpoint: Checkpoint = {
  number: 3,
  atMs: 1_795_000_000_000,
  agents: 2,
  entries: 70,
  root: 'a'.repeat(64),
  previous: 'b'.repeat(64),
};
const signed: SignedCheckpoint = {
  ...checkpoint,
  key,
  signature: sign(null, Buffer.from(signedText(checkpoint)), privateKey).toString('base64'),
};

t.test('the signature holds for what was signed alone', async (t) => {
  t.equal(isSigned(signed), true);
  const changes: Partial<SignedCheckpoint>[] = [
    { number: 4 },
    { atMs: 1 },
    { agents: 3 },
    { entries: 69 },
    { root: 'c'.repeat(64) },
    { previous: 'genesis' },
    { signature: Buffer.alloc(64).toString('base64') },
    { key: Buffer.alloc(44).toString('base64') },
    { key: generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64') },
  ];
  for (const change of changes) t.equal(isSigned({ ...signed, ...change }), false, JSON.stringify(change));
  const bare = sign(null, Buffer.from(signedText(checkpoint).split('\n')[1] as string), privateKey).toString('base64');
  t.equal(isSigned({ ...signed, signature: bare }), false, 'without the line that says what it is');
  const rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
  t.equal(isSigned({ ...signed, key: rsa.toString('base64') }), false, 'a key of another kind');
});
t.test('the next one names it by all that was signed', async (t) => {
  t.match(checkpointHash(signed), /^[0-9a-f]{64}$/);
  t.equal(checkpointHash(signed), checkpointHash({ ...checkpoint }));
  t.not(checkpointHash(signed), checkpointHash({ ...checkpoint, entries: 71 }));
});
