// An earlier version of this project as a program: its source out of the history of git, beside the libraries that are installed here. In: a
// commit. Out: a folder in which its coordinator and its node-agent run, or why there is none.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Programs that this version must get on with, the latest first. No release has been made yet, so they are commits of the history; a release
 * puts its own in front, and `node test/compat/previous.ts` writes down its messages. `takesUpdates`: whether its node-agent knows the order.
 */
export const earlier = [
  { commit: 'a4c8c737', text: 'before the coordinator upgraded itself', takesUpdates: true },
  { commit: '8be42b79', text: 'before backups, releases and rollouts', takesUpdates: false },
] as const;

const root = resolve(import.meta.dirname, '../..');
const ours = '@blackroad';

export function earlierSource(commit: string, folder: string): { root: string } | { lacking: string } {
  const found = spawnSync('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`]);
  if (found.status !== 0) return { lacking: `there is no commit ${commit} here: fetch the whole history` };
  const at = join(folder, commit);
  mkdirSync(join(at, 'node_modules', ours), { recursive: true });
  const archive = execFileSync('git', ['-C', root, 'archive', commit], { maxBuffer: 512 * 1024 * 1024 });
  execFileSync('tar', ['x', '-C', at], { input: archive });
  // Each of its own packages leads into it, every other one here.
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== ours) symlinkSync(join(root, 'node_modules', name), join(at, 'node_modules', name));
  const own = { protocol: 'protocol', std: 'std', 'model-server': 'model-server', coordinator: 'coordinator' };
  const more = { console: 'coordinator/console', cli: 'coordinator/cli', 'node-agent': 'node-agent' };
  for (const [name, path] of Object.entries({ ...own, ...more }))
    symlinkSync(join(at, path), join(at, 'node_modules', ours, name));
  for (const path of ['coordinator', 'node-agent'])
    if (readdirSync(join(root, path)).includes('node_modules'))
      symlinkSync(join(root, path, 'node_modules'), join(at, path, 'node_modules'));
  return { root: at };
}
