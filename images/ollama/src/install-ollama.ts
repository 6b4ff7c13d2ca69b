// One installation of Ollama on a Raspberry Pi of the image: fetched from the coordinator, verified, unpacked beside what runs, and then in its place
// by one rename. What is missing is said in words each time, and tried again, later and later. In: which release, where. Out: nothing; it is there.
import { mkdir, readdir, readFile, rename, rm, statfs, symlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename, join } from 'node:path';
import { type OllamaRelease, ollamaPath } from '@blackroad/protocol/ollama-release';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Random } from '@blackroad/std/random';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import { fetchedBytes } from './fetched-bytes.ts';
import { unpackOllama } from './unpack-ollama.ts';

interface InstallOrder {
  release: OllamaRelease;
  /** Where the server is started from: a folder, or a link to `current` of `home`. */
  place: string;
  home: string;
  /** Asks the model cache of the coordinator. */
  open: (path: string, headers: Record<string, string>) => Promise<IncomingMessage>;
  clock: Clock;
  random: Random;
  say: (text: string) => void;
}

/** Some times what a release has without its libraries for graphics cards; the models need far more. */
const neededBytes = 512 * 1024 ** 2;
const retry = { firstMs: 10_000, maxMs: 600_000 };
/** What lies in the folder of a release that is whole. */
export const markerName = 'release.json';
const percentStep = 10;

export async function installOllama(order: InstallOrder): Promise<void> {
  const { release, place, clock, random, say } = order;
  for (let attempt = 0; !(await isThere(release, place)); attempt++) {
    try {
      await install(order);
    } catch (error) {
      const waitMs = backoffMs(retry, attempt, random);
      const why = errnoSentence(error) ?? (error as Error).message;
      say(
        `Ollama ${release.version} cannot be installed yet: ${why}. It is tried again in ${Math.ceil(waitMs / 1000)} s`,
      );
      await sleep(clock, waitMs);
    }
  }
}

export const markerOf = (release: OllamaRelease) => `${JSON.stringify(release)}\n`;

async function isThere(release: OllamaRelease, place: string): Promise<boolean> {
  return (await readFile(join(place, markerName), 'utf8').catch(() => '')) === markerOf(release);
}

async function install({ release, home, open, clock, random, say }: InstallOrder): Promise<void> {
  const { version } = release;
  await mkdir(home, { recursive: true });
  const freeBytes = freeBytesOf(await statfs(home));
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  if (freeBytes < neededBytes)
    throw new Error(`it needs ${mib(neededBytes)} of free disk in ${home}, ${mib(freeBytes)} are free`);
  const coming = join(home, `${version}.part`);
  await rm(coming, { recursive: true, force: true });
  await mkdir(coming, { mode: 0o755 });
  let told = -percentStep;
  const onPercent = (percent: number) => {
    if (percent < told + percentStep) return;
    told = Math.floor(percent / percentStep) * percentStep;
    say(`Ollama ${version} is being fetched: ${told} %`);
  };
  const bytes = fetchedBytes({ open: (headers) => open(ollamaPath(release), headers), clock, random, onPercent });
  try {
    await unpackOllama(bytes, release, coming);
  } catch (error) {
    // Nobody runs what was not verified.
    await rm(coming, { recursive: true, force: true });
    throw error;
  }
  await saveWhole(join(coming, markerName), markerOf(release));
  const folder = join(home, version);
  await rm(folder, { recursive: true, force: true });
  await rename(coming, folder);
  await rm(join(home, 'current.new'), { force: true });
  await symlink(version, join(home, 'current.new'));
  await rename(join(home, 'current.new'), join(home, 'current'));
  syncFolder(home);
  const kept = [basename(folder), 'current'];
  for (const name of await readdir(home))
    if (!kept.includes(name)) await rm(join(home, name), { recursive: true, force: true });
  say(`Ollama ${version} is installed`);
}
