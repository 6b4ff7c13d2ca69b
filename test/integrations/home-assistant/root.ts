// A Debian root with the real Home Assistant in it, made once and kept: what the story is told in. Needs root, mmdebstrap and the network, the
// first time. The root is never written to afterwards: the folder of a run is mounted into it, in a mount namespace of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { debianArchive } from '../../fixtures/debian-archive.ts';

export const version = '2026.2.3';
const packages = 'python3.13,python3.13-venv,python3.13-dev,gcc,g++,libc6-dev,libturbojpeg0,ca-certificates';
/** Counts the lists below: a root that was made of an earlier one lacks what is new. */
const revision = 2;
const folder = resolve(import.meta.dirname, `../../../.integrations/home-assistant-${version}-${revision}`);
/**
 * Home Assistant installs what an integration needs when that is set up: all of it is there before, and a run needs no network. Those that
 * its first start adds beside (weather, radio, speech) are not: they would call others.
 */
const integrations = [
  ...['frontend', 'mqtt', 'stream', 'ai_task', 'tts', 'assist_pipeline', 'camera', 'ffmpeg', 'stt'],
  // What the fleet talks with as a conversation agent, what it is served by, and a switch to turn on.
  ...['conversation', 'ollama', 'mcp_server', 'template', 'input_boolean'],
];
const requirements = `
import json, pathlib, homeassistant
base = pathlib.Path(homeassistant.__file__).parent / 'components'
seen, todo, found = set(), ${JSON.stringify(integrations)}, []
while todo:
    name = todo.pop()
    if name in seen: continue
    seen.add(name)
    manifest = json.loads((base / name / 'manifest.json').read_text())
    found += manifest.get('requirements', [])
    todo += manifest.get('dependencies', [])
print('\\n'.join(found))
`;

/** Why it cannot be made here; null: it can, or is there. */
export function whyNotHere(): string | null {
  if (process.getuid?.() !== 0) return 'it needs root, for chroot';
  if (existsSync(join(folder, 'root'))) return null;
  try {
    execFileSync('mmdebstrap', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'mmdebstrap is not installed (Debian: apt-get install mmdebstrap)';
  }
}

/** The path of the root. */
export function homeAssistantRoot(say: (line: string) => void): string {
  const root = join(folder, 'root');
  if (existsSync(root)) return root;
  say(`making a Debian root with Home Assistant ${version}: some minutes, once`);
  const part = `${root}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  const archive = debianArchive(join(folder, 'trixie.tar'), 'trixie', packages);
  execFileSync('tar', ['-xpf', archive, '-C', part]);
  // The network of this machine, as pip here uses it.
  for (const file of ['/etc/resolv.conf', '/etc/pip.conf', '/etc/ssl/certs/ca-certificates.crt'])
    if (existsSync(file)) copyFileSync(file, join(part, file));
  const inRoot = (script: string) =>
    execFileSync('chroot', [part, '/bin/sh', '-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  inRoot(`python3.13 -m venv /ha && /ha/bin/pip install --no-cache-dir homeassistant==${version}`);
  inRoot(`/ha/bin/python - <<'E' > /tmp/needs && /ha/bin/pip install --no-cache-dir -r /tmp/needs\n${requirements}E`);
  renameSync(part, root);
  rmSync(archive);
  return root;
}
