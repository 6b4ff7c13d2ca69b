// ansible of its own for the checks of the collection: a virtual environment with ansible-core and ansible-lint, a copy of the collection where
// ansible looks for one, and playbooks run as a person runs them. In: a folder to work in. Out: what the tools said.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const wanted = ['ansible-core>=2.19,<2.20', 'ansible-lint>=26,<27'];
const deadlineMs = 15 * 60_000;

interface Said {
  code: number;
  text: string;
}
/** `changed` and what went wrong, by host. */
interface Recap {
  [host: string]: { ok: number; changed: number; unreachable: number; failed: number; rescued: number };
}
export interface Played extends Said {
  recap: Recap;
}
export interface Tools {
  /** One of the programs of ansible, in the folder of the collection. */
  run(program: string, words: readonly string[], env?: Record<string, string>): Promise<Said>;
  play(words: readonly string[], env?: Record<string, string>): Promise<Played>;
  sanity(): Promise<Said>;
}

export function openTools(work: string, say: (words: string) => void): Tools {
  const venv = join(work, 'venv');
  const bin = join(venv, 'bin');
  if (!existsSync(join(bin, 'ansible-lint'))) {
    say(`fetching ${wanted.join(' and ')}`);
    const python = process.env.PYTHON || 'python3';
    const version = execFileSync(python, ['-c', 'import sys; print(sys.version_info >= (3, 11))'], {
      encoding: 'utf8',
    });
    if (version.trim() !== 'True')
      throw new Error(
        `${python}: expected Python 3.11 or newer for ansible-core 2.19; name another with PYTHON=<program>`,
      );
    execFileSync(python, ['-m', 'venv', venv], { stdio: 'ignore' });
    execFileSync(join(bin, 'pip'), ['install', '--quiet', ...wanted], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const collections = join(work, 'collections');
  const collection = join(collections, 'ansible_collections/blackroad/fleet');
  rmSync(collections, { recursive: true, force: true });
  mkdirSync(join(collections, 'ansible_collections/blackroad'), { recursive: true });
  // Its links lead to files of the project, which are in the archive that people install.
  cpSync(join(root, 'ansible'), collection, { recursive: true, dereference: true });
  const common = {
    PATH: `${bin}:${process.env.PATH}`,
    ANSIBLE_COLLECTIONS_PATH: collections,
    ANSIBLE_HOST_KEY_CHECKING: 'False',
    ANSIBLE_LOCALHOST_WARNING: 'False',
    ANSIBLE_FORCE_COLOR: '0',
    ANSIBLE_PIPELINING: '1',
    // Steps of modules.yml differ from those before in one field.
    ANSIBLE_DUPLICATE_YAML_DICT_KEY: 'ignore',
    ANSIBLE_FORKS: '6',
    LC_ALL: 'C.UTF-8',
  };
  const run: Tools['run'] = (program, words, env = {}) =>
    new Promise((done) => {
      const options = {
        cwd: collection,
        env: { ...process.env, ...common, ...env },
        timeout: deadlineMs,
        maxBuffer: 2 ** 28,
      };
      execFile(join(bin, program), words, options, (error, out, err) =>
        done({ code: error ? Number(error.code ?? 1) : 0, text: `${out}${err}` }),
      );
    });
  return {
    run,
    async play(words, env) {
      const said = await run('ansible-playbook', words, env);
      return { ...said, recap: recapOf(said.text) };
    },
    sanity: () =>
      run('ansible-test', ['sanity', '--local', '--python', pythonOf(bin)], { HOME: sanityHome(work, bin) }),
  };
}

function pythonOf(bin: string): string {
  const words = 'import sys; print("%d.%d" % sys.version_info[:2])';
  return execFileSync(join(bin, 'python'), ['-c', words], { encoding: 'utf8' }).trim();
}

/** ansible-test makes environments without pip, fetches a script that installs it from one address of its makers, and hides the settings of pip. Here the
 * same is done by Python's own copy, with the settings of this machine. */
function sanityHome(work: string, bin: string): string {
  const home = join(work, 'home');
  const cache = join(home, '.ansible/test/cache');
  const settings = join(home, '.config/pip');
  for (const folder of [cache, settings]) mkdirSync(folder, { recursive: true });
  const script = `import ensurepip, os, runpy, sys
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
ensurepip.bootstrap()
os.environ.pop("PIP_CONFIG_FILE", None)
sys.argv = ["pip", "install", *words]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
`;
  writeFileSync(join(cache, 'get_pip_24_2.py'), script);
  const listed = execFileSync(join(bin, 'pip'), ['config', 'list'], { encoding: 'utf8' });
  const known = new Map([...listed.matchAll(/^[:a-z]+\.([a-z-]+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
  const lines = Array.from(known, ([name, value]) => `${name} = ${value}`);
  writeFileSync(join(settings, 'pip.conf'), ['[global]', ...lines, ''].join('\n'));
  return home;
}

function recapOf(text: string): Recap {
  const rows = text.matchAll(
    /^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=\d+\s+rescued=(\d+)/gm,
  );
  return Object.fromEntries(
    [...rows].map(([, host, ...counts]) => {
      const [ok = 0, changed = 0, unreachable = 0, failed = 0, rescued = 0] = counts.map(Number);
      return [host, { ok, changed, unreachable, failed, rescued }];
    }),
  );
}
