// Throw-away Debians on a bridge of their own, each with its booted systemd and an sshd: the machines of ansible-check. In: a folder to work in,
// names, a suite. Out: an address each, a key for ssh, commands run in them. Needs root, mmdebstrap and systemd-nspawn.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { debianArchive } from '../fixtures/debian-archive.ts';
import { boot, type Said } from '../install/boot.ts';

/** Beside what ansible itself needs: what the roles would install, as these machines reach no mirror. */
const packages =
  'systemd,systemd-sysv,dbus,udev,iproute2,python3,python3-apt,python3-venv,python3-packaging,openssh-server,openssl,sudo,wget,ca-certificates,mosquitto,age';
const network = '10.79.31';

export interface Machine {
  name: string;
  address: string;
  /** In a shell of its root user; the exit code and what it said. */
  run(command: string): Promise<Said>;
}
export interface Machines {
  /** The address of this machine on the bridge. */
  here: string;
  /** The private key that each of them lets in as root. */
  keyFile: string;
  machines: Machine[];
  close(): void;
}

export async function bootMachines(work: string, names: readonly string[], suite: string): Promise<Machines> {
  const archive = debianArchive(join(work, `${suite}.tar`), suite, packages);
  const keyFile = join(work, 'id_ed25519');
  if (!existsSync(keyFile)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  const bridge = `an${process.pid}`;
  const ends: (() => void)[] = [];
  const close = () => {
    for (const end of ends.reverse()) end();
  };
  try {
    execFileSync('ip', ['link', 'add', bridge, 'type', 'bridge']);
    ends.push(() => execFileSync('ip', ['link', 'del', bridge]));
    execFileSync('ip', ['addr', 'add', `${network}.1/24`, 'dev', bridge]);
    execFileSync('ip', ['link', 'set', bridge, 'up']);
    const machines: Machine[] = [];
    for (const [i, name] of names.entries()) {
      const root = join(work, `root-${process.pid}-${name}`);
      mkdirSync(root);
      ends.push(() => {
        rmSync(root, { recursive: true, force: true });
        // systemd-nspawn leaves its lock.
        rmSync(join(work, `.#${basename(root)}.lck`), { force: true });
      });
      execFileSync('tar', ['-xf', archive, '-C', root]);
      prepare(root, name, readFileSync(`${keyFile}.pub`, 'utf8'));
      const { run, end } = await boot(root, `${name}${process.pid}`.slice(0, 12), `--network-bridge=${bridge}`);
      ends.push(end);
      const address = `${network}.${i + 2}`;
      await run(`ip addr add ${address}/24 dev host0; ip link set host0 up`);
      machines.push({ name, address, run });
    }
    return { here: `${network}.1`, keyFile, machines, close };
  } catch (error) {
    close();
    throw error;
  }
}

function prepare(root: string, name: string, key: string): void {
  writeFileSync(join(root, 'etc/hostname'), `${name}\n`);
  appendFileSync(join(root, 'etc/hosts'), `127.0.0.1 ${name}\n`);
  mkdirSync(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, 'root/.ssh/authorized_keys'), key, { mode: 0o600 });
  // Each machine is another one to the fleet.
  writeFileSync(join(root, 'etc/machine-id'), '');
  // A role is to start it, not the package.
  rmSync(join(root, 'etc/systemd/system/multi-user.target.wants/mosquitto.service'), { force: true });
}
