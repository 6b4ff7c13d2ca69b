// A machine becomes a node: token in, identity stored and returned. The key is made once and kept beside the identity until the answer is
// stored, so that a lost answer, a crash or an impatient person who runs it again never makes a second node. The token's secret is sent
// only to a server with the CA that the token names.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import {
  EnrolAnswer,
  type EnrolRequest,
  explain,
  FleetError,
  faults,
  JoinTokenText,
  Labels,
  plainLatin,
  problems,
  readJoinToken,
} from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Probes } from '../probes/probes.ts';
import { createKey, writeCsr } from './csr.ts';
import { type Identity, saveIdentity, savePrivate } from './identity.ts';
import { postJson } from './post.ts';
import { fingerprintOf } from './trust.ts';

export interface JoinOptions {
  /** The text a person pasted. */
  token: string;
  /** The folder of the identity. */
  dir: string;
  probes: Pick<Probes, 'machineIdentity' | 'inventory'>;
  /** Wanted node id; the host name when missing. The coordinator makes it unique. */
  name?: string;
  /** Declared class instead of the detected one. */
  class?: string;
  labels?: Record<string, string>;
  simulated?: boolean;
  clock: Clock;
  random: Random;
  log: Log;
  /** Gives up after this long; a coordinator that is just starting answers within it. */
  deadlineMs?: number;
}
interface Joined {
  identity: Identity;
  /** True when the coordinator recognised this machine by its hardware and gave it its old id. */
  reclaimed: boolean;
  /** The coordinator's time in the answer. */
  nowMs: number;
}

const keyFile = 'joining.pem';
const requestDeadlineMs = 15_000;
const backoff = { firstMs: 500, maxMs: 15_000 };

export async function join(options: JoinOptions): Promise<Joined> {
  const token = checkToken(options.token);
  const inventory = await options.probes.inventory();
  const name = nodeNameFrom(options.name ?? inventory.hostname);
  const key = keyFor(options.dir);
  const { hardware, machine, isWeak } = await options.probes.machineIdentity();
  const body: EnrolRequest = {
    tokenId: token.id,
    secret: token.secret,
    csr: writeCsr(key, name ?? 'node'),
    hardware,
    machine,
    ...(isWeak ? { isWeak } : {}),
    class: options.class ?? inventory.class,
    ...(name ? { name } : {}),
    ...(options.simulated ? { simulated: true } : {}),
    ...(options.labels ? { labels: options.labels } : {}),
  };
  const letGo = holdProcess();
  try {
    return await enrol(body, token, key, options);
  } finally {
    letGo();
  }
}

async function enrol(body: EnrolRequest, token: JoinTokenText, key: KeyObject, options: JoinOptions): Promise<Joined> {
  const { clock, random, log } = options;
  const endMs = clock.monotonicMs() + (options.deadlineMs ?? 60_000);
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await postJson(EnrolAnswer, body, {
        url: token.url,
        path: '/v1/enrol',
        trust: { fingerprint: token.ca },
        clock,
        deadlineMs: requestDeadlineMs,
      });
      const isDetected = options.class === undefined && answer.classFixed !== true && answer.class === body.class;
      const identity = { ...identityFrom(answer, key, token), ...(isDetected ? { classDetected: true } : {}) };
      saveIdentity(options.dir, identity);
      rmSync(joinPath(options.dir, keyFile), { force: true });
      return { identity, reclaimed: answer.reclaimed, nowMs: answer.nowMs };
    } catch (error) {
      if (error instanceof FleetError && error.code === 'invalid-request' && body.machine !== undefined) {
        // A coordinator of the previous version has neither of these in its schema.
        const { machine: _, isWeak: __, labels, ...old } = body;
        if (labels) log.warn({ labels }, 'the coordinator is older and takes no labels from a node: give them there');
        return enrol(old, token, key, options);
      }
      if (!(error instanceof FleetError) || !problems[error.code].retry) throw error;
      const wished = (error.details.retryAfterSeconds ?? 0) * 1000;
      const delayMs = Math.max(wished, backoffMs(backoff, attempt, random));
      if (clock.monotonicMs() + delayMs > endMs) throw error;
      log.warn({ attempt, delayMs: Math.round(delayMs), problem: error.message }, 'cannot join yet, trying again');
      await sleep(clock, delayMs);
    }
  }
}

/** Reads a join token. @throws FleetError with the fault in words for the person who pasted it */
export function checkToken(text: string): JoinTokenText {
  const token = text.trim().replace(/\s+/g, ''); // a terminal may have wrapped it
  const wrong = (detail: string) => new FleetError('invalid-request', { detail: `join token: ${detail}` });
  const version = /^brj(\d+)\./.exec(token);
  if (!version) throw wrong(`expected text that starts with brj1., got ${JSON.stringify(token.slice(0, 12))}`);
  if (version[1] !== '1') {
    throw wrong(`it is of version ${version[1]}, this node-agent reads version 1: update the node-agent`);
  }
  const value = readJoinToken(token);
  if (value === null) throw wrong('it is damaged or cut short: copy it again, the whole line');
  const fault = explain(JoinTokenText, value);
  if (fault) throw wrong(`it is damaged: ${fault}`);
  const checked = value as JoinTokenText;
  if (!URL.canParse(checked.url) || new URL(checked.url).protocol !== 'https:') {
    throw wrong(`its address must be https://..., got ${JSON.stringify(checked.url)}`);
  }
  return checked;
}

/** @throws FleetError for text that is no list of labels */
export function labelsFrom(text: string): Record<string, string> {
  const labels = Object.fromEntries(
    text.split(',').map((pair) => {
      const [label = '', ...value] = pair.split('=');
      return [label.trim(), value.join('=').trim()];
    }),
  );
  const [fault] = faults(Labels, labels);
  if (!fault) return labels;
  const detail = `--labels: expected such as room=kitchen,floor=2, got ${JSON.stringify(text)}: ${fault.field}: expected ${fault.expected}`;
  throw new FleetError('invalid-request', { detail });
}

/** A host name as a node id; undefined when no character of it is usable. */
export function nodeNameFrom(text: string): string | undefined {
  const name = (plainLatin(text).split('.')[0] as string)
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? undefined : name;
}

function keyFor(dir: string): KeyObject {
  const path = joinPath(dir, keyFile);
  if (existsSync(path)) {
    try {
      return createPrivateKey(readFileSync(path, 'utf8'));
    } catch {
      rmSync(path, { force: true });
    }
  }
  const key = createKey();
  savePrivate(dir, keyFile, key.export({ type: 'pkcs8', format: 'pem' }) as string);
  return key;
}

function identityFrom(answer: EnrolAnswer, key: KeyObject, token: JoinTokenText): Identity {
  const caFingerprint = fingerprintOf(answer.ca);
  if (caFingerprint !== token.ca) {
    throw new FleetError('not-allowed', {
      detail: 'the coordinator answered with another CA than the join token names',
    });
  }
  return {
    node: answer.node,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificate: answer.certificate,
    ca: answer.ca,
    caFingerprint,
    issuedMs: answer.nowMs,
    expiresMs: answer.expiresMs,
    url: token.url,
    mqtt: answer.mqtt,
    class: answer.class,
    site: answer.site,
  };
}
