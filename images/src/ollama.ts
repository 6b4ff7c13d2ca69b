// Ollama in an image: the program that installs it at a first boot and what that installs, and, where it is asked for, the release itself, unpacked
// as a Pi does it. In: where what was fetched is kept. Out: folders and files for the root.
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemClock as clock } from '@blackroad/std/clock';
import { httpGet } from '@blackroad/std/http-get';
import { sha256OfFile } from '@blackroad/std/sha256';
import { type OllamaRelease, ollamaReleasesUrl } from '../../protocol/src/ollama-release.ts';
import { BuildError } from '../../release/src/source.ts';
import { markerName, markerOf } from '../ollama/src/install-ollama.ts';
import { unpackOllama } from '../ollama/src/unpack-ollama.ts';

interface Order {
  release: OllamaRelease;
  /** Where archives are kept, by their hashes; one that cannot be fetched may be put there. */
  parts: string;
  say: (text: string) => void;
}

/** A folder with the release. @throws BuildError */
export async function unpackedOllama(order: Order): Promise<string> {
  const { release, parts } = order;
  const folder = join(parts, 'ollama-unpacked');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await unpackOllama(createReadStream(await archived(order)), release, folder);
  writeFileSync(join(folder, markerName), markerOf(release));
  return folder;
}

async function archived({ release, parts, say }: Order): Promise<string> {
  const { version, file, sha256 } = release;
  const folder = join(parts, 'ollama');
  const kept = join(folder, sha256);
  if (existsSync(kept)) return kept;
  mkdirSync(folder, { recursive: true });
  const url = `${ollamaReleasesUrl}/v${version}/${file}`;
  say(`fetching Ollama ${version}`);
  const coming = `${kept}.coming`;
  try {
    const response = await httpGet({ url, clock });
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode}`);
    await pipeline(response, createWriteStream(coming));
    const got = await sha256OfFile(coming);
    if (got !== sha256) throw new Error(`expected SHA-256 ${sha256}, got ${got}`);
    renameSync(coming, kept);
  } catch (error) {
    await rm(coming, { force: true });
    throw new BuildError(
      `${url}: ${(error as Error).message}\n  Where it cannot be fetched here, put the file at ${kept}`,
    );
  }
  return kept;
}
