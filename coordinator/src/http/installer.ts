// The installer of the node-agent as the coordinator serves it, and the one line by which a machine gets it. The text is the same for everybody;
// the line has its hash, so that nothing between the two machines can change it, and the join token, which names the fleet's CA.
import { readFileSync } from 'node:fs';
import { routes } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';

export interface Installer {
  text: string;
  sha256: string;
}

export function readInstaller(path: string): Installer {
  const text = readFileSync(path, 'utf8');
  return { text, sha256: sha256Hex(text) };
}

/** For sh and bash, with curl or wget. The certificate is not looked at, as the hash says more; mktemp makes a file that nobody else may write. */
export function installCommand({ sha256 }: Installer, url: string, token: string): string {
  const from = `${url}${routes.installer.path}`;
  return `f=$(mktemp); u=${from}; (curl -fsSk $u || wget -qO- --no-check-certificate $u) >$f && echo "${sha256}  $f" | sha256sum -c && sh $f ${token}`;
}
