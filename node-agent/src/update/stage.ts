// From an order to a release that lies unpacked in `releases/<version>`: fetched from the coordinator, with what an interrupted try left;
// of the size and hash that were ordered; signed by a key that lies on this disk; of this machine's kind; and able to start here. In: the
// order. Out: nothing, or an UpdateProblem; then `current` and what it names are as before.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { download } from '@blackroad/model-server/weights/download';
import { FetchProblem } from '@blackroad/model-server/weights/fetch-problem';
import { releaseMisfit, type UpdateNode } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Log } from '@blackroad/std/log';
import { namedKey, type PublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import type { Random } from '@blackroad/std/random';
import { sha256OfFile } from '@blackroad/std/sha256';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import { markerName, wholeRelease } from '../install/release-folder.ts';
import type { ReleaseHome } from './release-home.ts';
import { makeOpenFolder, unpack } from './unpack.ts';
import { refused, UpdateProblem } from './update-problem.ts';

export interface StageParts {
  home: ReleaseHome;
  keys: () => Promise<PublicKey[]>;
  /** Asks the coordinator for a path. */
  call: (path: string, headers: Record<string, string>, signal: AbortSignal) => Promise<IncomingMessage>;
  clock: Clock;
  random: Random;
  log: Log;
}

/** The archive and what is in it: a release unpacks to three times its size. Some of the disk stays free for the memories of agents. */
const timesItsBytes = 5;
const keptFreeBytes = 64 * 1024 * 1024;
/** A coordinator that is away for longer orders it again. */
const patienceMs = 30 * 60_000;
const retry = { firstMs: 2000, maxMs: 60_000 };
/** On a Pi with a worn SD card it takes some seconds. */
const versionWithinMs = 60_000;
const partial = '.part';

export async function stage(order: UpdateNode, parts: StageParts, signal: AbortSignal): Promise<void> {
  const { home } = parts;
  try {
    await mkdir(home.releasesDir, { recursive: true });
    await judgeOrder(order, parts);
    if (await isThere(order, home)) return;
    await checkRoom(order, home);
    const archive = await fetchArchive(order, parts, signal);
    await verifyArchive(archive, order, parts);
    await unpackArchive(archive, order, parts);
    await rm(archive, { force: true });
  } catch (error) {
    signal.throwIfAborted();
    throw asProblem(error);
  }
}

function asProblem(error: unknown): UpdateProblem {
  if (error instanceof UpdateProblem) return error;
  const text = errnoSentence(error) ?? (error as Error).message;
  const options = { cause: error };
  if (error instanceof SignatureError)
    return new UpdateProblem(error.isOfAnotherKey ? 'key' : 'content', text, options);
  return new UpdateProblem((error as Error).name === 'TarError' ? 'content' : null, text, options);
}

/** What can be known before a byte is fetched. */
async function judgeOrder({ version, signature }: UpdateNode, { keys }: StageParts) {
  if (version.endsWith(partial)) throw refused(`version: expected one of a release, got ${version}`);
  namedKey(readSignature(signature), await keys());
}

/** A release that is kept from earlier, as for the way back. */
async function isThere({ version, sha256 }: UpdateNode, home: ReleaseHome): Promise<boolean> {
  const folder = home.folderOf(version);
  const from = await readFile(join(folder, markerName), 'utf8').catch(() => '');
  return from === sha256 && typeof (await wholeRelease(folder)) !== 'string';
}

async function checkRoom({ bytes }: UpdateNode, home: ReleaseHome): Promise<void> {
  const freeBytes = freeBytesOf(await statfs(home.dir));
  const needed = bytes * timesItsBytes + keptFreeBytes;
  const mib = (of: number) => `${Math.ceil(of / 1024 ** 2)} MiB`;
  if (freeBytes < needed)
    throw new UpdateProblem(null, `it needs ${mib(needed)} of free disk in ${home.dir}, ${mib(freeBytes)} are free`);
}

async function fetchArchive(order: UpdateNode, parts: StageParts, signal: AbortSignal): Promise<string> {
  const { home, clock, random, log } = parts;
  const { sha256, bytes } = order;
  const folder = join(home.dir, 'downloads');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) if (!name.startsWith(sha256)) await rm(join(folder, name), { force: true });
  const target = join(folder, sha256);
  const path = `/v1/releases/${sha256}`;
  const untilMs = clock.monotonicMs() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    try {
      await download({
        url: `https://coordinator${path}`,
        target,
        sizeBytes: bytes,
        clock,
        random,
        signal,
        open: async (headers) => answered(await parts.call(path, headers, signal)),
      });
      return target;
    } catch (error) {
      signal.throwIfAborted();
      const isAway = error instanceof FetchProblem && error.kind === 'unreachable';
      if (!isAway || clock.monotonicMs() > untilMs) throw error;
      log.warn({ problem: error.message }, 'the release could not be fetched yet');
      await sleep(clock, backoffMs(retry, attempt, random), signal);
    }
  }
}
/** A coordinator that is busy, or just starts, is asked again. */
function answered(response: IncomingMessage): IncomingMessage {
  const status = response.statusCode ?? 0;
  if (status !== 429 && status < 500) return response;
  response.destroy();
  throw new Error(`the coordinator answered ${status}`);
}

async function verifyArchive(archive: string, { sha256, bytes, signature }: UpdateNode, { keys }: StageParts) {
  try {
    const found = await sha256OfFile(archive);
    if (found !== sha256) throw refused(`archive: expected SHA-256 ${sha256} in ${bytes} bytes, got ${found}`, 'hash');
    await verifyFile(archive, readSignature(signature), await keys());
  } catch (error) {
    // The next try begins with nothing.
    if (error instanceof UpdateProblem || error instanceof SignatureError) await rm(archive, { force: true });
    throw error;
  }
}

async function unpackArchive(archive: string, order: UpdateNode, parts: StageParts): Promise<void> {
  const { home } = parts;
  const folder = join(home.releasesDir, order.version);
  const part = `${folder}${partial}`;
  await rm(part, { recursive: true, force: true });
  await makeOpenFolder(part);
  try {
    const { platform: os, arch } = process;
    const { version } = order;
    const misfit = releaseMisfit(await unpack(archive, part), { name: 'blackroad-node', version, os, arch });
    if (misfit !== null) throw refused(misfit);
    await tryVersion(part, order.version);
    await saveWhole(join(part, markerName), order.sha256);
    await rm(folder, { recursive: true, force: true });
    await rename(part, folder);
    syncFolder(home.releasesDir);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

/** The cheapest proof that a release starts on this machine. */
async function tryVersion(folder: string, version: string): Promise<void> {
  const program = join(folder, 'bin/fleet-node');
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], {
      cwd: folder,
      env: { PATH: '/usr/bin:/bin' },
      timeout: versionWithinMs,
      killSignal: 'SIGKILL',
    });
    if (stdout.trim() === version) return;
    throw new Error(`it says that it is ${JSON.stringify(stdout.slice(0, 40))}`);
  } catch (error) {
    const { message, stderr = '' } = error as Error & { stderr?: string };
    throw new UpdateProblem(null, `it does not start here: ${(stderr.trim() || message).slice(0, 600)}`);
  }
}
