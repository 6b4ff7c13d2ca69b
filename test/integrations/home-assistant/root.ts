// A Debian root with the real Home Assistant in it, made once and kept: what the story is told in. Needs root, mmdebstrap and the network, the
// first time. The root is never written to afterwards: the folder of a run is mounted into it, in a mount namespace of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { debianArchive } from '../../fixtures/debian-archive.ts';

/** A Home Assistant with the Debian that has its Python. */
export interface Release {
  version: string;
  suite: string;
  python: string;
}
/** The last one that runs on the Python of Debian stable, which every machine can have. */
export const usual: Release = { version: '2026.2.3', suite: 'trixie', python: 'python3.13' };
export const newest: Release = { version: '2026.11.0', suite: 'forky', python: 'python3.14' };

const packagesOf = ({ python }: Release) =>
  `${python},${python}-venv,${python}-dev,gcc,g++,libc6-dev,libturbojpeg0,ca-certificates`;
/** Counts the lists below: a root that was made of an earlier one lacks what is new. */
const revision = 3;
const folderOf = ({ version }: Release) =>
  resolve(import.meta.dirname, `../../../.integrations/home-assistant-${version}-${revision}`);
/**
 * Home Assistant installs what an integration needs when that is set up: all of it is there before, and a run needs no network. Those that
 * its first start adds beside (weather, radio, speech) are not: they would call others.
 */
const integrations = [
  ...['frontend', 'mqtt', 'stream', 'ai_task', 'tts', 'assist_pipeline', 'camera', 'ffmpeg', 'stt'],
  // What the fleet talks with as a conversation agent, what it is served by, and a switch to turn on.
  ...['conversation', 'ollama', 'mcp_server', 'template', 'input_boolean'],
  // What others import, though they do not depend on it; some versions have not all of them.
  ...['hassio', 'infrared', 'radio_frequency'],
];
const requirements = `
import json, pathlib, homeassistant
base = pathlib.Path(homeassistant.__file__).parent / 'components'
seen, todo, found = set(), ${JSON.stringify(integrations)}, []
while todo:
    name = todo.pop()
    file = base / name / 'manifest.json'
    if name in seen or not file.exists(): continue
    seen.add(name)
    manifest = json.loads(file.read_text())
    found += manifest.get('requirements', [])
    todo += manifest.get('dependencies', [])
print('\\n'.join(found))
`;

/** Why it cannot be made here; null: it can, or is there. */
export function whyNotHere(release: Release): string | null {
  if (process.getuid?.() !== 0) return 'it needs root, for chroot';
  if (existsSync(join(folderOf(release), 'root'))) return null;
  try {
    execFileSync('mmdebstrap', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'mmdebstrap is not installed (Debian: apt-get install mmdebstrap)';
  }
}

/** The path of the root. */
export function homeAssistantRoot(release: Release, say: (line: string) => void): string {
  const { version, suite, python } = release;
  const folder = folderOf(release);
  const root = join(folder, 'root');
  if (existsSync(root)) return root;
  say(`making a Debian root with Home Assistant ${version}: some minutes, once`);
  const part = `${root}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const archive = debianArchive(join(folder, `${suite}.tar`), suite, packagesOf(release));
  execFileSync('tar', ['-xpf', archive, '-C', part]);
  // The network of this machine, as pip here uses it.
  for (const file of ['/etc/resolv.conf', '/etc/pip.conf', '/etc/ssl/certs/ca-certificates.crt'])
    if (existsSync(file)) copyFileSync(file, join(part, file));
  const inRoot = (script: string) =>
    execFileSync('chroot', [part, '/bin/sh', '-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  inRoot(`${python} -m venv /ha && /ha/bin/pip install --no-cache-dir homeassistant==${version}`);
  inRoot(`/ha/bin/python - <<'E' > /tmp/needs && /ha/bin/pip install --no-cache-dir -r /tmp/needs\n${requirements}E`);
  renameSync(part, root);
  rmSync(archive);
  return root;
}
