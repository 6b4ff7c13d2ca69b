// Faults by chance: of machines, disks, clocks, runtimes, the network, the coordinator itself. Each row injects one kind of fault and makes
// sure that it ends; `world.lasting` ends it at the latest when everything is healed.
import { hashHeader } from '@blackroad/protocol';
import type { Random } from '@blackroad/std/random';
import type { Blow } from './coordinator-host.ts';
import { Machine } from './machine.ts';
import type { Happening } from './people.ts';
import type { World } from './world.ts';

const span = (random: Random, lowMs: number, highMs: number) => lowMs + random.next() * (highMs - lowMs);
function one(world: World, random: Random, running = true): Machine | undefined {
  const fit = world.machines.filter((machine) => !machine.isClone && (machine.isRunning || !running));
  return fit[Math.floor(random.next() * fit.length)];
}
/** Makes a fault of one running machine. */
const ofMachine = (
  name: string,
  weight: number,
  strike: (machine: Machine, world: World, random: Random) => void,
): Happening => ({
  name,
  weight,
  run(world, random) {
    const machine = one(world, random);
    if (!machine) return false;
    world.trace('fault', `${name} ${machine.name}`);
    strike(machine, world, random);
    return true;
  },
});
const ofDisk = (name: string, fault: 'full' | 'read-only') =>
  ofMachine(name, 1.5, (machine, world, random) => {
    machine.disk.fault = fault;
    machine.probes.diskFull = fault === 'full';
    machine.probes.readOnlyDisk = fault === 'read-only';
    world.lasting(span(random, 3_000, 60_000), () => {
      machine.disk.fault = 'none';
      machine.probes.diskFull = false;
      machine.probes.readOnlyDisk = false;
      // A card that was remounted read-only is writable again only after a boot.
      if (fault === 'read-only' && machine.isRunning) {
        machine.kill();
        machine.boot();
      }
    });
  });
const ofRuntime = (name: string, set: (machine: Machine, on: boolean) => void) =>
  ofMachine(name, 1.5, (machine, world, random) => {
    set(machine, true);
    world.lasting(span(random, 5_000, 60_000), () => set(machine, false));
  });
const ofHealth = (name: string, set: (machine: Machine, on: boolean) => void) => ({
  ...ofRuntime(name, set),
  weight: 1,
});
const blow = (kind: Blow): Happening => ({
  name: `coordinator dies ${kind}`,
  weight: 1,
  run(world) {
    if (!world.host.isUp) return false;
    world.host.blow = kind;
    world.trace('fault', `the coordinator will die ${kind}`);
    return true;
  },
});
function partition(
  world: World,
  random: Random,
  name: string,
  machines: readonly Machine[],
  longestMs: number,
): boolean {
  if (machines.length === 0) return false;
  const cause = `${name} ${world.timeline.fired}`;
  world.trace('fault', `${name}: ${machines.map((machine) => machine.name).join(' ')}`);
  for (const machine of machines) world.network.cut(machine.name, cause);
  world.lasting(span(random, 1_000, longestMs), () => {
    for (const machine of machines) world.network.heal(machine.name, cause);
    world.trace('fault', `${name} ends`);
  });
  return true;
}

export const faults: readonly Happening[] = [
  ofMachine('crash', 3, (machine, world, random) => {
    machine.kill();
    world.lasting(span(random, 1_000, 8_000), () => machine.boot());
  }),
  ofMachine('power cut', 3, (machine, world, random) => {
    machine.powerCut();
    world.lasting(span(random, 5_000, 90_000), () => machine.boot());
  }),
  ofMachine('reboot', 2, (machine, world, random) => {
    void machine.stop();
    world.lasting(span(random, 8_000, 30_000), () => machine.boot());
  }),
  ofMachine('stands still', 2, (machine, _world, random) => machine.pause(span(random, 500, 60_000))),
  ofMachine('boots in 1970', 1.5, (machine, world, random) => {
    machine.powerCut();
    machine.wallOffsetMs = -world.wallMs() + 60_000;
    world.lasting(span(random, 3_000, 10_000), () => machine.boot());
    world.lasting(span(random, 20_000, 120_000), () => {
      machine.wallOffsetMs = 0;
      machine.probes.clockSynced = true;
    });
  }),
  ofMachine('clock set', 1.5, (machine, world, random) => {
    const ms = (random.next() < 0.5 ? -1 : 1) * span(random, 500, 120_000);
    machine.wallOffsetMs += ms;
    world.lasting(span(random, 5_000, 90_000), () => {
      machine.wallOffsetMs = 0;
    });
  }),
  ofMachine('clock drifts', 1, (machine, world, random) => {
    machine.drift((random.next() - 0.5) * 200);
    world.lasting(span(random, 20_000, 120_000), () => machine.drift(0));
  }),
  ofMachine('sleeps', 1.5, (machine, _world, random) => machine.sleep(span(random, 2_000, 90_000))),
  ofMachine('slow sync', 1, (machine, world, random) => {
    const { disk } = machine;
    disk.syncMs = span(random, 300, 6_000);
    world.lasting(span(random, 10_000, 60_000), () => {
      disk.syncMs = 2;
    });
  }),
  ofMachine('old card', 0.7, (machine, world, random) => {
    const old = machine.disk.copy();
    world.disks.add(old);
    const { identity, keyFingerprint } = machine;
    world.lasting(span(random, 10_000, 60_000), () => {
      // After the machine was set up anew the card is another one.
      if (!machine.identity || machine.keyFingerprint !== keyFingerprint) return;
      machine.exchange(old);
      machine.identity = identity;
      machine.boot();
    });
  }),
  ofMachine('damaged file', 0.7, (machine, world, random) => {
    const files = ['journal.db', 'outbox.sqlite', 'assignment.sqlite'];
    machine.exchange(machine.disk.copy(files[Math.floor(random.next() * files.length)]));
    world.disks.add(machine.disk);
    world.lasting(span(random, 500, 5_000), () => machine.boot());
  }),
  ofMachine('one direction lost', 2, (machine, world, random) => {
    world.network.cutHalf(machine.name, random.next() < 0.5 ? 'up' : 'down');
    world.lasting(span(random, 2_000, 90_000), () => world.network.cutHalf(machine.name, null));
  }),
  ofDisk('disk full', 'full'),
  ofDisk('disk read-only', 'read-only'),
  ofHealth('overheats', (machine, on) => {
    machine.probes.extraC = on ? 45 : 0;
  }),
  ofHealth('undervoltage', (machine, on) => {
    machine.probes.undervoltage = on;
  }),
  ofHealth('foreign memory', (machine, on) => {
    machine.probes.foreignBytes = on ? Math.floor(machine.probes.modelMemory().totalBytes * 0.98) : 0;
  }),
  ofRuntime('slow load', (machine, on) => {
    machine.runtimeFaults.loadMs = on ? 20_000 : 0;
  }),
  ofRuntime('out of memory', (machine, on) => {
    machine.runtimeFaults.outOfMemory = on;
  }),
  ofRuntime('runtime hangs', (machine, on) => {
    machine.runtimeFaults.hangs = on;
  }),
  ofRuntime('runtime fails', (machine, on) => {
    machine.runtimeFaults.fails = on;
  }),
  ofMachine('re-flashed', 1, (machine, world, random) => {
    machine.erase();
    // A person repeats the attempt until the coordinator admits the machine: its node must first count as absent.
    const again = () => {
      if (machine.identity || world.isHealing) return;
      world.enrol(machine);
      world.timeline.after(15_000, again);
    };
    world.timeline.after(span(random, 5_000, 60_000), again);
  }),
  ofMachine('cloned', 0.7, (machine, world, random) => {
    const clone = new Machine(
      world,
      { ...machine.options, name: `${machine.name}-clone${world.timeline.fired}`, seed: machine.options.seed + 50_000 },
      machine.disk.copy(),
    );
    clone.isClone = true;
    if (machine.identity) world.cloned.add(machine.identity.node);
    clone.identity = machine.identity;
    clone.keyFingerprint = machine.keyFingerprint;
    world.machines.push(clone);
    clone.boot();
    world.lasting(span(random, 10_000, 60_000), () => {
      clone.kill();
      clone.isOut = true;
      world.machines.splice(world.machines.indexOf(clone), 1);
    });
  }),
  {
    name: 'partition of a node',
    weight: 4,
    run(world, random) {
      const machine = one(world, random, false);
      return machine ? partition(world, random, 'partition of a node', [machine], 100_000) : false;
    },
  },
  {
    name: 'partition of a site',
    weight: 2,
    run(world, random) {
      const site = one(world, random, false)?.options.site;
      const machines = world.machines.filter(({ options }) => options.site === site);
      return partition(world, random, 'partition of a site', machines, 80_000);
    },
  },
  {
    name: 'partition of everything',
    weight: 1,
    run: (world, random) => partition(world, random, 'partition of everything', world.machines, 60_000),
  },
  {
    name: 'partition of most',
    weight: 1.5,
    run(world, random) {
      // A few nodes stay that could take the agents of the others: the valve must prevent that.
      const running = world.machines.filter(({ isRunning, isClone }) => isRunning && !isClone);
      const count = Math.max(4, Math.ceil(running.length * 0.6));
      if (running.length <= count) return false;
      const first = Math.floor(random.next() * running.length);
      const machines = [...running.slice(first), ...running.slice(0, first)].slice(0, count);
      return partition(world, random, 'partition of most', machines, 100_000);
    },
  },
  {
    name: 'forged memory',
    weight: 1.5,
    run(world, random) {
      const known = [...world.batches].filter(([agent]) => world.stored.agents.get(agent)?.placement);
      const [agent, [entry] = []] = known[Math.floor(random.next() * known.length)] ?? [];
      const placement = agent === undefined ? null : world.stored.agents.get(agent)?.placement;
      if (!agent || !entry || !placement) return false;
      const { epoch, node } = placement;
      const head = world.stored.heads.get(agent);
      const previousHash = random.hex(32);
      const isForeign = random.next() < 0.5;
      // The entry either has correct digests and another history, or correct links and a wrong hash.
      const made = {
        ...entry,
        epoch,
        seq: (head?.seq ?? 0) + 1,
        previousHash: isForeign ? previousHash : (head?.hash ?? 'genesis'),
      };
      const hash = hashHeader(made);
      // The node sent exactly this entry once and lost it with its file: a late copy of a true entry is no forgery.
      if (!isForeign && hash === made.hash) return false;
      const forged = isForeign ? { ...made, hash } : made;
      const message = { type: 'batch', epoch, from: made.seq, previousHash: made.previousHash, entries: [forged] };
      world.trace('fault', `forged memory of ${agent}`);
      world.forged.add(`${node} ${agent}`);
      return world.network.say(`blackroad/v1/node/${node}/memory/${agent}`, JSON.stringify(message));
    },
  },
  {
    name: 'storm',
    weight: 1,
    run(world, random) {
      const { options } = world.network;
      const before = { ...options };
      if (world.isStormy) return false;
      world.isStormy = true;
      Object.assign(options, { latencyMs: 200, dropRate: 0.5, repeatRate: 0.3 });
      world.lasting(span(random, 5_000, 40_000), () => {
        Object.assign(options, before);
        world.isStormy = false;
      });
      return true;
    },
  },
  {
    name: 'coordinator killed',
    weight: 1.5,
    run(world) {
      if (!world.host.isUp) return false;
      world.host.kill('killed');
      return true;
    },
  },
  blow('before-commit'),
  blow('commit-fails'),
  {
    name: 'the disk of the coordinator is full',
    weight: 1,
    run(world, random) {
      world.host.diskFull = true;
      world.trace('fault', 'the disk of the coordinator is full');
      world.lasting(span(random, 500, 60_000), () => {
        world.host.diskFull = false;
      });
      return true;
    },
  },
  blow('after-commit'),
  blow('while-telling'),
  {
    name: 'coordinator sleeps',
    weight: 1,
    run(world, random) {
      if (!world.host.isUp || world.host.clock?.paused) return false;
      world.host.sleep(span(random, 2_000, 60_000));
      return true;
    },
  },
  {
    name: 'coordinator clock set',
    weight: 0.8,
    run(world, random) {
      const { host } = world;
      // A clock that is set back while no process runs would make earlier waiting times longer, which the coordinator cannot know.
      const way = host.clock && random.next() < 0.5 ? -1 : 1;
      host.step(way * (random.next() < 0.5 ? span(random, 500, 90_000) : span(random, 90_000, 6 * 3_600_000)));
      const right = () => {
        if (host.clock) host.step(-host.wallOffsetMs);
        else world.timeline.after(1_000, right);
      };
      world.lasting(span(random, 20_000, 90_000), right);
      return true;
    },
  },
  {
    name: 'coordinator stands still',
    weight: 1.5,
    run(world, random) {
      if (!world.host.isUp || world.host.clock?.paused) return false;
      world.host.pause(span(random, 500, 40_000));
      return true;
    },
  },
];
