// Whether an image is as it should be, asked of the file itself: partitions, what each board needs to start, units, and that nothing in it is
// secret, or belongs to one machine. In: an image, the description. Out: what was found, and what is wrong. No right is needed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { explain, ImageManifest, imageFormat } from '@blackroad/protocol';
import { readStoredXz } from '@blackroad/std/xz-stored';
import { maxDownloadBytes } from './about.ts';
import { labels } from './assemble.ts';
import { need } from './commands.ts';
import type { Description } from './description.ts';
import { personalFileName } from './personal-area.ts';
import { bytesAt, Ext4, Fat, partitionsOf } from './read-image.ts';

const types = { fat32: 0x0c, linux: 0x83 };
/** What the chip of a board reads first; a Raspberry Pi 5 has it in a chip of its own. */
const firmware = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat', 'config.txt'];
const secrets = [/brj1\.[A-Za-z0-9_-]{40,}/, /-----BEGIN [A-Z ]*PRIVATE KEY-----/, /\bbrk_[A-Za-z0-9]{20,}/];
/** What the node-agent calls to reach pins. */
const pinPrograms = ['gpiodetect', 'gpioinfo', 'gpioget', 'gpioset', 'gpiomon', 'setpriv'];
/** Debian gives lower numbers to the system. */
const people = { first: 1000, last: 59_999 };

class Findings {
  readonly found: string[] = [];
  readonly problems: string[] = [];

  expect(isSo: boolean, what: string, got?: unknown): void {
    if (!isSo) this.problems.push(got === undefined ? what : `${what}; got ${JSON.stringify(got)}`);
  }
}

/** The newest image in the folders of a folder. */
export function imageIn(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const images = readdirSync(folder, { withFileTypes: true })
    .filter((each) => each.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join(folder, name))
        .filter((file) => file.endsWith('.img'))
        .map((file) => join(folder, name, file)),
    );
  return images.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] ?? null;
}

/** @throws BuildError where something cannot be read */
export function check(image: string, description: Description): Findings {
  need({ mdir: 'mtools', mtype: 'mtools', debugfs: 'e2fsprogs' });
  const findings = new Findings();
  const [boot, root, ...more] = partitionsOf(image);
  if (!boot || !root) {
    findings.expect(false, 'expected two partitions');
    return findings;
  }
  findings.expect(more.length === 0, 'expected two partitions', 2 + more.length);
  findings.expect(boot.type === types.fat32 && boot.isBootable, 'expected a bootable FAT partition first', boot);
  findings.expect(root.type === types.linux, 'expected a partition of Linux second', root);
  findings.expect(root.offset + root.bytes === statSync(image).size, 'expected the root to end with the file', root);
  const bootLabel = bytesAt(image, boot.offset + 71, 11)
    .toString('latin1')
    .trimEnd();
  const rootLabel = bytesAt(image, root.offset + 1024 + 120, 16)
    .toString('latin1')
    .replace(/\0.*$/, '');
  findings.expect(bootLabel === labels.boot && rootLabel === labels.root, 'expected the labels', [
    bootLabel,
    rootLabel,
  ]);
  const fat = new Fat(image, boot.offset);
  checkBoot(fat, description, findings);
  const ext4 = new Ext4(image, root.offset);
  checkUnits(ext4, description, findings);
  checkPeople(ext4, findings);
  checkNodeAgent(ext4, findings);
  checkPins(ext4, findings);
  checkManifest(image, fat, findings);
  return findings;
}

/** Which folder a board starts from: the last section of config.txt that is for it. */
function prefixes(config: string): Map<string, string> {
  const found = new Map<string, string>();
  let section = 'all';
  for (const line of config.split('\n').map((each) => each.trim())) {
    section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
    const prefix = /^os_prefix=(.+)\/$/.exec(line)?.[1];
    if (prefix) found.set(section, prefix);
  }
  return found;
}

function checkBoot(fat: Fat, { boards }: Description, findings: Findings): void {
  const paths = fat.paths();
  for (const file of firmware) findings.expect(paths.has(file), `boot partition: expected ${file}`);
  for (const file of ['user-data', 'network-config', 'blackroad-result.txt'])
    findings.expect(!paths.has(file), `boot partition: expected no ${file}, which belongs to one card`);
  const found = prefixes(fat.text('config.txt'));
  for (const { name, tree, kernel } of boards) {
    const folder = [...found.values()].find((each) => each.endsWith(`-${kernel}`));
    if (!folder) {
      findings.expect(false, `${name}: expected a section of config.txt for a kernel ${kernel}`, [...found]);
      continue;
    }
    for (const file of ['vmlinuz', 'initrd.img', 'cmdline.txt', tree])
      findings.expect(paths.has(`${folder}/${file}`), `${name}: expected ${folder}/${file}`);
    findings.found.push(`${name}: ${folder}, ${tree}`);
  }
  for (const folder of found.values())
    findings.expect(
      fat.text(`${folder}/cmdline.txt`).includes(`root=LABEL=${labels.root} `),
      `${folder}/cmdline.txt: expected the root by its label`,
    );
  const personal = fat.text(personalFileName);
  findings.expect(!secrets.some((each) => each.test(personal)), `${personalFileName}: expected no secret`);
}

function wanted(ext4: Ext4): Set<string> {
  const folder = '/etc/systemd/system';
  const wants = (ext4.entries(folder) ?? []).filter(({ name }) => name.endsWith('.wants'));
  return new Set(wants.flatMap(({ name }) => (ext4.entries(`${folder}/${name}`) ?? []).map((unit) => unit.name)));
}

function checkUnits(ext4: Ext4, { enabled, disabled }: Description, findings: Findings): void {
  const units = wanted(ext4);
  const needed = [...enabled, 'blackroad-first-boot'].map((name) => `${name}.service`);
  for (const unit of [...needed, 'apt-daily.timer', 'apt-daily-upgrade.timer'])
    findings.expect(units.has(unit), `expected the unit ${unit} to start with the machine`);
  for (const name of disabled)
    for (const kind of ['service', 'socket'])
      findings.expect(!units.has(`${name}.${kind}`), `expected the unit ${name}.${kind} not to start unasked`);
  findings.expect(/policy drop/.test(ext4.text('/etc/nftables.conf') ?? ''), '/etc/nftables.conf: expected it closed');
  const doors = (ext4.entries('/etc/nftables.d') ?? []).filter(({ name }) => name.endsWith('.nft'));
  findings.expect(doors.length === 0, '/etc/nftables.d: expected no opening', doors);
  findings.found.push(`${needed.length} units start with the machine, ${disabled.join(', ')} do not`);
}

function checkPeople(ext4: Ext4, findings: Findings): void {
  const rows = (path: string) =>
    (ext4.text(path) ?? '')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'));
  const users = rows('/etc/passwd');
  findings.expect(users.length > 0, '/etc/passwd: expected users of the system');
  const own = users.filter(([, , uid]) => Number(uid) >= people.first && Number(uid) <= people.last);
  findings.expect(
    own.length === 0,
    '/etc/passwd: expected no user of a person',
    own.map(([name]) => name),
  );
  const passwords = rows('/etc/shadow').filter(([, password = '']) => !/^[*!]/.test(password));
  findings.expect(
    passwords.length === 0,
    '/etc/shadow: expected no password',
    passwords.map(([name]) => name),
  );
  findings.expect(rows('/etc/shadow').length > 0, '/etc/shadow: expected the users of the system');
  findings.expect(
    ext4.text('/etc/machine-id') === '',
    '/etc/machine-id: expected it empty',
    ext4.text('/etc/machine-id'),
  );
  const ssh = ext4.entries('/etc/ssh');
  findings.expect(ssh !== null, '/etc/ssh: expected the server to be there');
  const keys = (ssh ?? []).filter(({ name }) => name.startsWith('ssh_host_'));
  findings.expect(
    keys.length === 0,
    '/etc/ssh: expected no host keys',
    keys.map(({ name }) => name),
  );
  // systemd makes the folder.
  const root = ext4.entries('/root/.ssh') ?? [];
  findings.expect(root.length === 0, '/root/.ssh: expected no keys', root);
  findings.expect((ext4.entries('/home') ?? []).length === 0, '/home: expected nobody', ext4.entries('/home'));
}

function checkNodeAgent(ext4: Ext4, findings: Findings): void {
  const home = '/opt/blackroad-node';
  const data = '/var/lib/blackroad-node';
  const current = ext4.link(`${home}/current`);
  const release = `${home}/${current}`;
  const isThere = (path: string) => ext4.text(path) !== null;
  findings.expect(/^releases\//.test(current ?? ''), `${home}/current: expected a link to a release`, current);
  findings.expect(ext4.link(`${home}/updates`) === `${data}/updates`, `${home}/updates: expected a link to the data`);
  const sha256 = ext4.text(`${release}/.archive-sha256`);
  findings.expect(/^[0-9a-f]{64}$/.test(sha256 ?? ''), `${release}/.archive-sha256: expected a hash`, sha256);
  const unit = ext4.text('/etc/systemd/system/blackroad-node.service') ?? '';
  findings.expect(
    unit.includes(`ExecStart=${home}/launch run`),
    'blackroad-node.service: expected it to start the launcher',
  );
  findings.expect(isThere(`${home}/launch`), `${home}/launch: expected it`);
  const updater = ext4.text('/etc/systemd/system/blackroad-os-update.service') ?? '';
  findings.expect(
    updater.includes(`ExecStart=${home}/current/os-update`) && isThere(`${release}/os-update`),
    'blackroad-os-update.service: expected it to start the part of the release that updates the system',
  );
  findings.expect(
    wanted(ext4).has('blackroad-os-update.path') && ext4.entries('/var/lib/blackroad-os') !== null,
    'blackroad-os-update.path: expected it to start with the machine, and its folder',
  );
  findings.expect(isThere('/usr/lib/blackroad-image/first-boot.mjs'), 'expected the program of the first boot');
  for (const file of ['ollama.mjs', 'ollama.json'])
    findings.expect(isThere(`/usr/lib/blackroad-image/${file}`), `expected ${file}, which installs Ollama`);
  const own = (ext4.entries(home) ?? []).filter(({ uid }) => uid !== 0);
  findings.expect(own.length === 0, `${home}: expected it to be root's`, own);
  const kept = (ext4.entries(data) ?? []).map(({ name }) => name);
  findings.expect(kept.join() === 'updates', `${data}: expected an empty folder of updates alone`, kept);
  findings.found.push(`node-agent ${current?.split('/')[1]}`);
}

/** Of a node whose owner lists pins: the programs are there, and its node-agent may open the chips. */
function checkPins(ext4: Ext4, findings: Findings): void {
  const programs = new Set((ext4.entries('/usr/bin') ?? []).map(({ name }) => name));
  for (const program of pinPrograms)
    findings.expect(programs.has(program), `/usr/bin/${program}: expected it, by which the node-agent reaches pins`);
  findings.expect(/^gpio:/m.test(ext4.text('/etc/group') ?? ''), '/etc/group: expected the group gpio');
  const rule = ext4.text('/etc/udev/rules.d/60-blackroad-gpio.rules') ?? '';
  findings.expect(
    /KERNEL=="gpiochip\*", GROUP="gpio", MODE="0660"/.test(rule),
    '60-blackroad-gpio.rules: expected it to give the chips of pins to the group gpio',
  );
  const groups = ext4.text('/etc/systemd/system/blackroad-node.service.d/gpio.conf') ?? '';
  findings.expect(
    /^SupplementaryGroups=gpio$/m.test(groups),
    'blackroad-node.service.d/gpio.conf: expected the node-agent in the group gpio',
  );
}

function checkManifest(image: string, fat: Fat, findings: Findings): void {
  const file = image.replace(/\.img$/, '.json');
  if (!existsSync(file)) {
    findings.found.push('no manifest lies beside it');
    return;
  }
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const fault = explain(ImageManifest, manifest);
  if (fault !== '') {
    findings.expect(false, `manifest: it is not of the format ${imageFormat}: ${fault}`);
    return;
  }
  const { personalFile, personalStream, download, image: raw, partitions } = manifest as ImageManifest;
  const there = bytesAt(image, personalFile.offset, personalFile.bytes);
  findings.expect(
    there.toString() === fat.text(personalFileName),
    `manifest: expected ${personalFileName} at ${personalFile.offset}`,
  );
  const packed = `${image}.xz`;
  if (existsSync(packed)) {
    const stream = readStoredXz(bytesAt(packed, personalStream.offset, personalStream.bytes), personalFile.bytes);
    findings.expect(stream?.equals(there) === true, `manifest: expected the same in a stream of ${download.file}`);
  }
  findings.expect(raw.bytes === statSync(image).size, 'manifest: expected the size of the image', raw.bytes);
  findings.expect(partitions.length === 2, 'manifest: expected two partitions', partitions);
  findings.expect(download.bytes <= maxDownloadBytes, 'expected a download of at most 600 MB', download.bytes);
  findings.found.push(
    `${Math.round(download.bytes / 1e6)} MB to download, ${Math.round(raw.bytes / 1e6)} MB on the card`,
  );
}
