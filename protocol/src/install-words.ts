// The words below the one line that adds a machine: for whom the coordinator has a release of the node-agent. The command line and the console
// say the same.
import type { Release } from './release.ts';

const archs = ['x64', 'arm64'] as const;
const archWords = { x64: 'PCs and servers (x64)', arm64: '64-bit ARM, such as a Pi (arm64)' };

/** For whom a machine's one line has a release, or what adds one. `command`: how a verb of `fleet` is typed here. */
export function installableWords(releases: readonly Release[], command: (verb: string) => string): string {
  const found = archs.filter((arch) => releases.some((each) => each.name === 'blackroad-node' && each.arch === arch));
  const add = (arch: string) => command(`releases add blackroad-node-<version>-linux-${arch}.tar.gz`);
  const [only] = found;
  if (only === undefined)
    return `It works once the coordinator has the node-agent for that machine's architecture, and it has none yet. After make dist: ${add('<arch>')}`;
  if (found.length === archs.length) return 'It needs nothing on that machine but 64-bit Linux.';
  const missing = only === 'x64' ? 'arm64' : 'x64';
  return `The coordinator has the node-agent for ${archWords[only]} alone. For ${archWords[missing]}: ${add(missing)}`;
}
