// The npm packages of a release: found in what `npm ci` installed, or, for another architecture, fetched with npm and compared with the hash
// that package-lock.json or node.json has. In: names. Out: folders, with who they are and their licences.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { isInside, tarEntries } from '@blackroad/std/tar-read';
import { BuildError } from './source.ts';

export type Arch = 'x64' | 'arm64';
export interface Package {
  name: string;
  version: string;
  /** As its package.json says it. */
  license: string;
  integrity: string | null;
  folder: string;
}
interface LockRow {
  version?: string;
  integrity?: string;
}

export class Packages {
  readonly #root: string;
  readonly #parts: string;
  readonly #npm: readonly string[];
  readonly #lock: Readonly<Record<string, LockRow>>;
  readonly #say: (text: string) => void;
  readonly #ownNode: string | undefined;

  /**
   * `parts`: the folder of what was fetched. `npm`: the words of the command. `ownNode`: a folder like the package's, to be taken in its
   * place without a hash: for tests, which fetch nothing.
   */
  constructor(at: {
    root: string;
    parts: string;
    npm: readonly string[];
    say: (text: string) => void;
    ownNode?: string;
  }) {
    this.#root = at.root;
    this.#parts = at.parts;
    this.#npm = at.npm;
    this.#say = at.say;
    this.#ownNode = at.ownNode;
    this.#lock = JSON.parse(readFileSync(join(at.root, 'package-lock.json'), 'utf8')).packages;
  }

  /** The Node that a release brings along. */
  async node(arch: Arch): Promise<Package> {
    if (this.#ownNode !== undefined) return this.at(this.#ownNode);
    const pinned = JSON.parse(readFileSync(join(this.#root, 'release/node.json'), 'utf8')) as {
      version: string;
      integrity: Record<Arch, string>;
    };
    return this.#fetched(`node-linux-${arch}`, pinned.version, pinned.integrity[arch]);
  }

  /** Of the lock file, at the top of node_modules. @throws BuildError */
  async locked(name: string): Promise<Package> {
    const row = this.#lock[`node_modules/${name}`];
    if (!row?.version || !row.integrity) throw new BuildError(`package-lock.json: expected ${name} in it, got nothing`);
    const folder = join(this.#root, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return this.at(folder);
    return this.#fetched(name, row.version, row.integrity);
  }

  /** The package of an installed folder. */
  at(folder: string): Package {
    const read = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const row = this.#lock[folder.slice(this.#root.length + 1)];
    const license = typeof read.license === 'string' ? read.license : (read.license?.type ?? 'unknown');
    return { name: read.name, version: read.version, license, integrity: row?.integrity ?? null, folder };
  }

  async #fetched(name: string, version: string, integrity: string): Promise<Package> {
    const folder = join(this.#parts, `${name.replace('/', '+')}-${version}`);
    if (!existsSync(folder)) {
      const archive = this.#archive(name, version);
      const [kind = '', wanted] = integrity.split(/-(.*)/s);
      const got = createHash(kind).update(readFileSync(archive)).digest('base64');
      if (got !== wanted) {
        rmSync(archive);
        throw new BuildError(
          `${name}@${version}: expected the hash ${integrity}, got ${kind}-${got}: what came is not the package that was chosen`,
        );
      }
      await unpack(archive, `${folder}.new`);
      renameSync(`${folder}.new`, folder);
      rmSync(archive);
    }
    return { ...this.at(folder), integrity };
  }

  /** npm knows the registry, the proxy and the mirror of this machine. */
  #archive(name: string, version: string): string {
    this.#say(`fetching ${name} ${version}`);
    const folder = join(this.#parts, 'coming');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const [program = 'npm', ...first] = this.#npm;
    try {
      execFileSync(program, [...first, 'pack', '--silent', '--pack-destination', folder, `${name}@${version}`], {
        cwd: this.#root,
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
      });
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      throw new BuildError(`npm cannot fetch ${name} ${version}: ${stderr.trim().slice(-400) || message}`, {
        cause: error,
      });
    }
    return join(folder, readdirSync(folder)[0] as string);
  }
}

/** npm's archives have one folder on top, of any name. */
async function unpack(archive: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  for await (const entry of tarEntries(createReadStream(archive).pipe(createGunzip()))) {
    const path = entry.path.split('/').slice(1).join('/');
    if (entry.type !== 'file' || !isInside(path)) continue;
    const pieces: Buffer[] = [];
    for await (const piece of entry.content) pieces.push(Buffer.from(piece));
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), Buffer.concat(pieces), { mode: entry.mode | 0o600 });
  }
}
