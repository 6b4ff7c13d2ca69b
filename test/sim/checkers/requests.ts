// Requests of programs to models, in the worlds that have such programs.
// [INV-request] Each request ends exactly once, within its deadline, in a way that its client can act on.
// [INV-one-voice] An answer is the words of one run of a model on one node, whole and in order.
// [INV-slots] A model on a node never works on more at once than its slots.
// [INV-nobody-waits] No model works on for a client that is gone, and at rest nothing of any request is left over.
import type { MakeChecker } from '../checker.ts';
import { type Asked, unmarked } from '../clients.ts';

/** The gateway gives a whole answer ten minutes; beyond that a timer of a busy coordinator may be late. */
const longestMs = 620_000;
/** A stop is on its way, and the model ends its word. */
const stopsWithinMs = 15_000;

export const requestEnds: MakeChecker = ({ world, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-request',
    exercised: 0,
    requestEnded(asked) {
      checker.exercised++;
      const say = (text: string) => broke(checker.name, `request ${asked.number}: ${text}`);
      if (asked.ends.length > 1) say(`it ends as ${asked.ends.join(', then ')}`);
      if (asked.disorder) say(asked.disorder);
      if (asked.ends[0] === 'internal') say('its end tells its client nothing');
      if (asked.ends[0] === 'answered' && (asked.node === null || !isWhole(asked)))
        say('it is answered without an answer');
    },
    looked() {
      for (const { number, clock, askedMs } of world.clients?.open ?? []) {
        if (!clock.alive || clock.paused) continue;
        const sinceMs = clock.monotonicMs() - askedMs;
        if (sinceMs > longestMs) broke(checker.name, `request ${number} has no end after ${Math.round(sinceMs)} ms`);
      }
    },
  };
  return checker;
};
const isWhole = ({ ask, reasons }: Asked) =>
  Array.from({ length: ask.answers }, (_, at) => reasons[at]).every((reason) => reason !== undefined);

export const oneVoice: MakeChecker = ({ broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-voice',
    exercised: 0,
    requestEnded({ number, ask, texts, reasons, expected }) {
      if (ask.models[0]?.startsWith('agent/')) return;
      for (const [answer, text] of texts.entries()) {
        if (!text) continue;
        checker.exercised++;
        const { marks, words } = unmarked(text);
        if (marks.size !== 1) broke(checker.name, `request ${number}: its words are of ${[...marks].join(' and ')}`);
        else if (!expected.startsWith(words)) broke(checker.name, `request ${number}: it is told "${words}"`);
        else if (reasons[answer] === 'stop' && words !== expected)
          broke(checker.name, `request ${number}: a part of its answer is missing: "${words}"`);
      }
    },
  };
  return checker;
};

export const slots: MakeChecker = ({ world, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-slots',
    exercised: 0,
    workBegan({ machine, model, slots: most, clock }) {
      checker.exercised++;
      let count = 0;
      for (const run of world.clients?.atWork() ?? []) if (run.clock === clock && run.model === model) count++;
      if (count > most)
        broke(checker.name, `${model} on ${machine.name} works on ${count} at once, it has ${most} slots`);
    },
  };
  return checker;
};

export const nobodyWaits: MakeChecker = ({ world, broke }) => {
  /** The time since which each machine and the coordinator hear each other without a break. */
  const heardSinceMs = new Map<string, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-nobody-waits',
    exercised: 0,
    admitted({ machine }) {
      heardSinceMs.set(machine, world.timeline.nowMs);
    },
    looked() {
      const { clients, network, host, timeline, isStormy } = world;
      if (!clients) return;
      for (const { name, process } of world.machines) {
        const isHeard = network.isConnected(name) && !process?.clock.paused && host.clock && !host.clock.paused;
        if (!isHeard || isStormy) heardSinceMs.set(name, timeline.nowMs);
      }
      for (const { machine, request, loadedMs } of clients.atWork()) {
        const asked = request === null ? undefined : clients.asked.get(request);
        if (!asked || asked.ends.length === 0) continue;
        checker.exercised++;
        const sinceMs =
          timeline.nowMs - Math.max(asked.goneMs, loadedMs, heardSinceMs.get(machine.name) ?? timeline.nowMs);
        if (sinceMs > stopsWithinMs)
          broke(
            checker.name,
            `${machine.name} works on request ${request} for ${Math.round(sinceMs)} ms after its end`,
          );
      }
    },
    rested() {
      const { clients } = world;
      if (!clients?.gateway) return;
      checker.exercised++;
      const left = clients.atWork().filter(({ request }) => request !== null);
      if (left.length > 0) broke(checker.name, `${left[0]?.machine.name} works on request ${left[0]?.request} at rest`);
      const { figures, router } = clients.gateway;
      if (figures.underWay > 0)
        broke(checker.name, `the gateway counts ${figures.underWay} requests under way at rest`);
      for (const [node, { capacity }] of world.host.coordinator?.view.live ?? [])
        for (const { name: model, slots: most } of capacity?.models ?? []) {
          const { waiting } = router.lanes.loadOf({ node, model, slots: most, told: undefined });
          if (waiting > 0) broke(checker.name, `${waiting} requests wait for ${model} on ${node} at rest`);
        }
    },
  };
  return checker;
};
