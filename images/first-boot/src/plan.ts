// What makes a machine what its personal file says. In: the file, and facts of the machine. Out: settings, each with the files and commands
// that make it so and a question that shows that it is so. What is there already may be done again: a power cut can come after any of them.
// The file's settings that are not given are left alone, so that cloud-init or a person can have set them. Pure.
import { pbkdf2Sync } from 'node:crypto';
import type { PersonalFile } from '@blackroad/protocol/personal-file';
import { places, units } from './places.ts';

export interface Facts {
  /** The text of /etc/hosts. */
  hosts: string;
  /** Their numbers by their names. */
  users: ReadonlyMap<string, number>;
  /** The text of the present configuration of Wi-Fi. */
  wifi: string;
  isSshOpen: boolean;
  isReadOnlyWanted: boolean;
}
export type Step = { file: string; mode: number; content: string } | { gone: string } | { run: readonly string[] };
export interface Setting {
  /** In words, for the person. */
  about: string;
  field: keyof PersonalFile;
  steps: readonly Step[];
  /** Why nothing of it is done. */
  refused?: string;
  readBack?: { run: readonly string[]; expected: string };
  /** It holds from the next start on. */
  needsRestart?: true;
}

const systemctl = (...words: string[]) => ({ run: ['systemctl', ...words] });
const written = '# Written by BlackRoad Fleet from the personal file on the boot partition.\n';

export function plan(file: PersonalFile, facts: Facts): Setting[] {
  const { name, timeZone, wifi, country, ssh, ollama, readOnly } = file;
  return [
    ...(name === undefined ? [] : [hostName(name, facts.hosts)]),
    ...(timeZone === undefined ? [] : [zone(timeZone)]),
    ...(wifi === undefined || country === undefined ? [] : [networks(wifi, country, facts.wifi)]),
    ...(ssh === undefined ? (facts.isSshOpen ? [closedSsh] : []) : [signIn(ssh, facts.users)]),
    ...(ollama === undefined ? [] : [ollamaHere(ollama)]),
    ...(readOnly === undefined ? [] : [readOnlySystem(readOnly, facts.isReadOnlyWanted)]),
  ];
}

function hostName(name: string, hosts: string): Setting {
  const line = `127.0.1.1\t${name}`;
  const lines = hosts.replace(/\n$/, '').split('\n');
  const has = lines.some((each) => /^127\.0\.1\.1\s/.test(each));
  const content = `${(has ? lines.map((each) => (/^127\.0\.1\.1\s/.test(each) ? line : each)) : [...lines, line]).join('\n')}\n`;
  return {
    about: `host name ${name}`,
    field: 'name',
    steps: [
      { file: places.hosts, mode: 0o644, content },
      { file: places.hostName, mode: 0o644, content: `${name}\n` },
      { run: ['hostnamectl', 'set-hostname', name] },
    ],
    readBack: { run: ['hostnamectl', 'hostname'], expected: name },
  };
}

const zone = (timeZone: string): Setting => ({
  about: `time zone ${timeZone}`,
  field: 'timeZone',
  steps: [{ run: ['timedatectl', 'set-timezone', timeZone] }],
  readBack: { run: ['timedatectl', 'show', '--property=Timezone', '--value'], expected: timeZone },
});

type Wifi = NonNullable<PersonalFile['wifi']>;

const hex = (text: string) => Buffer.from(text, 'utf8').toString('hex');

function networks(wifi: Wifi, country: string, present: string): Setting {
  const known = new Map(
    [...present.matchAll(/ssid=([0-9a-f]+)\n\tpsk=([0-9a-f]{64})\n/g)].map(([, ssid = '', key = '']) => [ssid, key]),
  );
  const blocks = wifi.map(({ name, password, hidden }, at) => {
    const ssid = hex(name);
    // A password that was removed from the file once it was used is not a wish for an open network.
    const key = password === undefined ? known.get(ssid) : keyOf(name, password);
    const lines = [
      `ssid=${ssid}`,
      ...(key === undefined ? ['key_mgmt=NONE'] : [`psk=${key}`, 'key_mgmt=WPA-PSK WPA-PSK-SHA256']),
      ...(hidden ? ['scan_ssid=1'] : []),
      `priority=${wifi.length - at}`,
    ];
    return `network={\n${lines.map((line) => `\t${line}\n`).join('')}}\n`;
  });
  return {
    about: `Wi-Fi ${wifi.map(({ name }) => `"${name}"`).join(', ')} in ${country}`,
    field: 'wifi',
    steps: [
      {
        file: places.wifi,
        mode: 0o600,
        content: `${written}ctrl_interface=/run/wpa_supplicant\ncountry=${country}\n${blocks.join('')}`,
      },
      {
        file: places.wifiAddress,
        mode: 0o644,
        // A cable is preferred, and a Pi with a cable alone does not wait for Wi-Fi.
        content: `${written}[Match]\nName=wlan0\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nRouteMetric=600\n\n[IPv6AcceptRA]\nRouteMetric=600\n\n[Link]\nRequiredForOnline=no\n`,
      },
      systemctl('enable', units.wifi),
      { run: ['networkctl', 'reload'] },
      // Without a wait: a board without Wi-Fi has no wlan0.
      systemctl('--no-block', 'restart', units.wifi),
    ],
    readBack: { run: ['systemctl', 'is-enabled', units.wifi], expected: 'enabled' },
  };
}

/** What the network is entered with, so that the password itself does not stay on the card. 64 digits are such a key already. */
function keyOf(name: string, password: string): string {
  return password.length === 64
    ? password.toLowerCase()
    : pbkdf2Sync(Buffer.from(password, 'utf8'), Buffer.from(name, 'utf8'), 4096, 32, 'sha1').toString('hex');
}

/** Debian gives lower numbers to users of the system. */
const firstOwnUid = 1000;

function signIn({ user = 'pi', keys }: NonNullable<PersonalFile['ssh']>, users: Facts['users']): Setting {
  const uid = users.get(user) ?? firstOwnUid;
  const lines = [
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin no',
    `AllowUsers ${user}`,
    `AuthorizedKeysFile .ssh/authorized_keys ${places.sshKeys}/%u`,
  ];
  const about = `sign-in over SSH as ${user}, with ${keys.length === 1 ? 'a key' : `${keys.length} keys`}`;
  if (uid < firstOwnUid) {
    const refused = `ssh.user: expected a user that the system does not need for itself, got ${user}`;
    return { about, field: 'ssh', steps: [], refused };
  }
  return {
    about,
    field: 'ssh',
    steps: [
      // Its password stays locked.
      ...(users.has(user)
        ? []
        : [{ run: ['useradd', '--user-group', '--shell', '/bin/bash', '--groups', 'sudo', user] }]),
      { run: ['install', '-d', '-m', '0755', '-o', user, '-g', user, `/home/${user}`] },
      { file: places.sudo, mode: 0o440, content: `${user} ALL=(ALL) NOPASSWD: ALL\n` },
      { file: `${places.sshKeys}/${user}`, mode: 0o644, content: `${keys.join('\n')}\n` },
      { file: places.ssh, mode: 0o644, content: `${written}${lines.join('\n')}\n` },
      { run: ['ssh-keygen', '-A'] },
      { file: places.sshOpening, mode: 0o644, content: 'tcp dport 22 accept\n' },
      systemctl('enable', units.ssh),
      systemctl('restart', units.ssh),
      systemctl('reload-or-restart', units.firewall),
    ],
    readBack: { run: ['systemctl', 'is-active', units.ssh], expected: 'active' },
  };
}

const closedSsh: Setting = {
  about: 'no sign-in over SSH any more',
  field: 'ssh',
  steps: [
    { gone: places.sshOpening },
    systemctl('disable', '--now', units.ssh),
    systemctl('reload-or-restart', units.firewall),
  ],
};

const ollamaHere = (isWanted: boolean): Setting => ({
  about: isWanted ? 'Ollama asked for' : 'no Ollama',
  field: 'ollama',
  steps: isWanted
    ? [{ file: places.ollama, mode: 0o644, content: written }, systemctl('--no-block', 'start', units.ollama)]
    : [{ gone: places.ollama }, systemctl('--no-block', 'stop', units.ollama, units.ollamaServer)],
});

const readOnlySystem = (isWanted: boolean, isPresent: boolean): Setting => ({
  about: isWanted ? 'read-only system' : 'no read-only system',
  field: 'readOnly',
  steps: isWanted === isPresent ? [] : [{ run: ['blackroad-read-only', isWanted ? 'on' : 'off'] }],
  ...(isWanted === isPresent ? {} : { needsRestart: true }),
});
