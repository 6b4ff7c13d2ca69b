// The personal file as text, each setting with a line that says what it is; what is not set stands there commented out. The console's wizard and
// the image write it. Pure.
import type { PersonalFile } from './personal-file.ts';

const quoted = (text: string) => JSON.stringify(text);
/** A line of a setting that is not set. */
const unset = (lines: string) => lines.replace(/^/gm, '# ');

export function writePersonalFile(file: PersonalFile): string {
  const { name, join, labels, country, wifi, timeZone, ssh, ollama, readOnly } = file;
  const parts = [
    `# BlackRoad Fleet: what makes this Raspberry Pi yours. It is read when the Pi starts for the first time.
# Any editor will do. A line that begins with # says nothing to the Pi. Faults are told in blackroad-result.txt beside this file.`,
    `# What the Pi is called in the fleet and in your network: small letters, digits and dashes.
${name === undefined ? unset('name: kitchen') : `name: ${name}`}`,
    `# The join token: \`fleet join-token create\`, or the console under Nodes, Add a machine. It is removed from here once it is used.
${join === undefined ? unset('join: brj1....') : `join: ${join}`}`,
    `# Wi-Fi; none is needed with a cable. Two letters of the country: which channels are allowed differs.
${country === undefined ? unset('country: DE') : `country: ${country}`}
${wifi?.length ? `wifi:\n${wifi.map(networkOf).join('\n')}` : unset('wifi:\n  - name: "the name of your network"\n    password: "its password"')}`,
    `# Without it times are those of UTC.
${timeZone === undefined ? unset('timeZone: Europe/Berlin') : `timeZone: ${timeZone}`}`,
    `# Sign-in over the network, by key alone: the text of a file such as id_ed25519.pub. Without it there is none.
${ssh === undefined ? unset('ssh:\n  user: pi\n  keys:\n    - ssh-ed25519 AAAA... you@laptop') : `ssh:\n${ssh.user === undefined ? '' : `  user: ${ssh.user}\n`}  keys:\n${ssh.keys.map((key) => `    - ${quoted(key)}`).join('\n')}`}`,
    `# Labels that placement can ask for.
${
  labels && Object.keys(labels).length > 0
    ? `labels:\n${Object.entries(labels)
        .map(([label, value]) => `  ${quoted(label)}: ${quoted(value)}`)
        .join('\n')}`
    : unset('labels:\n  room: kitchen')
}`,
    `# Ollama runs models on this Pi (4 GB of memory or more); the Pi fetches it from the coordinator.
${ollama === undefined ? unset('ollama: yes') : `ollama: ${ollama ? 'yes' : 'no'}`}`,
    `# The system stays as it is and may lose its power at any moment; memories and models lie on a part of the card of their own.
${readOnly === undefined ? unset('readOnly: yes') : `readOnly: ${readOnly ? 'yes' : 'no'}`}`,
  ];
  return `${parts.join('\n\n')}\n`.replaceAll('\n', '\r\n');
}

function networkOf({ name, password, hidden }: NonNullable<PersonalFile['wifi']>[number]): string {
  const lines = [`  - name: ${quoted(name)}`];
  if (password !== undefined) lines.push(`    password: ${quoted(password)}`);
  if (hidden !== undefined) lines.push(`    hidden: ${hidden ? 'yes' : 'no'}`);
  return lines.join('\n');
}
