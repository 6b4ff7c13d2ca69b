// Renews the certificate: asks for a new one at two thirds of its life, and after expiry too (a node that was switched off for a season): a
// CSR signed by the stored key is its own proof. Times are by the coordinator's clock, never the machine's. In: the identity. Out: a stored
// newer identity, passed to `onRenewed`. It must never stop asking, and never ask in a tight loop.
import { createPrivateKey, sign } from 'node:crypto';
import { EnrolAnswer, FleetError, problems, type RenewRequest, renewalText } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { MachineIdentity } from '../probes/hardware.ts';
import { writeCsr } from './csr.ts';
import { type FleetTime, surelyPastMs } from './fleet-time.ts';
import { type Identity, saveIdentity } from './identity.ts';
import { postJson } from './post.ts';

interface RenewalOptions {
  identity: () => Identity;
  /** Asks once: resolves with the stored newer identity. */
  renew: (identity: Identity) => Promise<Identity>;
  onRenewed(identity: Identity): void;
  /** The coordinator does not accept this node (`key-unknown`, `no-such-node`, `node-quarantined`): a person must act. */
  onRefused(problem: FleetError): void;
  time: FleetTime;
  clock: Clock;
  random: Random;
  log: Log;
}
export interface Renewal {
  start(): void;
  /** The broker refused our certificate: it may have expired without our clock showing it. Asks soon, at most once a minute, or once in
   * five where the coordinator does not accept this node. */
  nudge(): void;
  stop(): void;
}

/** Timers overflow at 2^31 ms; one check a day is enough. */
const maxWaitMs = 24 * 3_600_000;
const retry = { firstMs: 30_000, maxMs: 30 * 60_000 };
const requestDeadlineMs = 15_000;
const nudgeMinimumMs = 60_000;
/** A person may have released the node since and be waiting for it. */
const unwantedMinimumMs = 5 * 60_000;

/** When to renew, by the coordinator's clock: two thirds of the certificate's life. */
export function renewAtMs(identity: Pick<Identity, 'issuedMs' | 'expiresMs'>): number {
  return identity.issuedMs + ((identity.expiresMs - identity.issuedMs) * 2) / 3;
}

interface Renewing {
  dir: string;
  /** Probes.machineIdentity: the coordinator compares it to detect two machines with one identity. */
  machine: () => Promise<MachineIdentity>;
  time: FleetTime;
  clock: Clock;
}
/** Asks once. Throws FleetError; the new identity is stored when it returns. */
export async function renewOnce(options: Renewing, identity: Identity): Promise<Identity> {
  const key = createPrivateKey(identity.key);
  const { hardware, machine } = await options.machine();
  const old = { node: identity.node, csr: writeCsr(key, identity.node), hardware };
  const body = { ...old, machine };
  const atMs = Math.round(options.time.nowMs());
  const signature = sign('sha256', Buffer.from(renewalText(body, atMs)), key).toString('base64');
  const ask = (request: RenewRequest) => post(request, identity, options.clock);
  const answer = await ask({ ...body, proof: { atMs, signature } }).catch((error: unknown) => {
    // A coordinator of the previous version has neither `proof` nor `machine` in its schema.
    if (error instanceof FleetError && error.code === 'invalid-request') return ask(old);
    throw error;
  });
  options.time.note(answer.nowMs);
  const renewed: Identity = {
    ...identity,
    certificate: answer.certificate,
    issuedMs: answer.nowMs,
    expiresMs: answer.expiresMs,
    mqtt: answer.mqtt,
    class: answer.class,
    site: answer.site,
  };
  saveIdentity(options.dir, renewed);
  return renewed;
}

function post(body: RenewRequest, identity: Identity, clock: Clock) {
  return postJson(EnrolAnswer, body, {
    url: identity.url,
    path: '/v1/enrol/renew',
    trust: { ca: identity.ca },
    surelyPastMs: surelyPastMs(clock, identity),
    clock,
    deadlineMs: requestDeadlineMs,
  });
}

export function createRenewal(options: RenewalOptions): Renewal {
  const { clock, random, log, time } = options;
  let timer: Timer | null = null;
  let stopped = false;
  let asking = false;
  let failures = 0;
  /** The coordinator refuses this node until a person acts. */
  let unwanted = false;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let nextAtMs = Number.POSITIVE_INFINITY;

  const schedule = (delayMs: number, run: () => void) => {
    timer?.cancel();
    if (stopped) return;
    nextAtMs = clock.monotonicMs() + delayMs;
    timer = clock.after(Math.min(delayMs, maxWaitMs), run);
  };
  const look = () => {
    const restMs = renewAtMs(options.identity()) - time.nowMs();
    // Spread over a tenth of the rest: nodes that joined together must not renew together.
    if (restMs > 0) schedule(restMs * (1 + random.next() / 10) + 1, look);
    else ask();
  };
  const ask = () => {
    if (asking || stopped) return;
    asking = true;
    unwanted = false;
    askedAtMs = clock.monotonicMs();
    options
      .renew(options.identity())
      .then((identity) => {
        failures = 0;
        if (stopped) return;
        log.info({ expires: new Date(identity.expiresMs).toISOString() }, 'certificate renewed');
        options.onRenewed(identity);
        schedule(0, look);
      })
      .catch((error: unknown) => {
        const problem = error instanceof FleetError ? error : new FleetError('internal', {}, { cause: error });
        if (stopped) return;
        const delayMs = backoffMs(retry, failures++, random);
        log.warn({ err: error, delayMs: Math.round(delayMs) }, `certificate not renewed: ${problem.message}`);
        unwanted = !problems[problem.code].retry && problem.code !== 'internal';
        if (unwanted) options.onRefused(problem);
        // A person may end the refusal (release the quarantine); a request is cheap, so it is repeated.
        schedule(delayMs, ask);
      })
      .finally(() => {
        asking = false;
      });
  };
  return {
    start: look,
    nudge() {
      if (asking) return;
      const nowMs = clock.monotonicMs();
      // The coordinator answers again, so the pauses that grew during its absence are over.
      const soonestMs = Math.max(askedAtMs + (unwanted ? unwantedMinimumMs : nudgeMinimumMs), nowMs);
      if (nextAtMs > soonestMs + retry.firstMs) schedule(soonestMs - nowMs + random.next() * retry.firstMs, ask);
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
