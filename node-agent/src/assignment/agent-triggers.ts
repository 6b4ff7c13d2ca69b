// The triggers of all agents on this node: each starts and stops with its agent, those of time in the zone that they name, else in that of the
// fleet, those of pins by pin-triggers.ts. In: assignments and the fleet's zone. Out: `fire`, and in plain words the triggers that do not fire as intended, for as long as they do not.
// Never throws for an expression or a zone: the other triggers of the agent still run.
import { type AssignedAgent, idOf, isTimeTrigger } from '@blackroad/protocol';
import { isTimeZone } from '@blackroad/protocol/cron';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { AssignmentStore } from './assignment-store.ts';
import type { PinTriggers } from './pin-triggers.ts';
import { startTrigger } from './triggers.ts';

/** The number that a heartbeat carries. */
const maxTroubles = 8;
const maxTroubleLength = 300;

export type AgentTriggers = ReturnType<typeof createAgentTriggers>;

export function createAgentTriggers(deps: {
  clock: Clock;
  log: Log;
  /** Stores the fleet's zone for a start without the coordinator. */
  assignments: Pick<AssignmentStore, 'timeZone' | 'keepTimeZone'>;
  fire: (assigned: AssignedAgent, prompt: string) => void;
  pins: PinTriggers;
}) {
  const { clock, log, assignments, fire, pins } = deps;
  const running = new Map<string, { stop(): void }[]>();
  const faults = new Map<string, string[]>();
  /** Agents with a trigger that names no zone. */
  const inFleetZone = new Set<string>();
  /** The fleet's zone as last received, until a trigger needs it. */
  let saidZone: string | null = null;
  /** The fleet's zone where this machine's tables do not have it. */
  let unknownZone: string | null = null;

  /**
   * The zone of triggers that name none. Looked up at the first such trigger: the tables of zones are 5 MB, and a node without triggers
   * does not load them.
   */
  function fleetZone(): string | undefined {
    const zone = saidZone;
    saidZone = null;
    if (zone !== null) {
      unknownZone = isTimeZone(zone) ? null : zone;
      if (unknownZone !== null)
        log.warn({ zone }, "this machine does not know the fleet's time zone: triggers keep to the one they have");
      else if (!assignments.keepTimeZone(zone))
        log.warn({ zone }, "the fleet's time zone cannot be stored: a start without the coordinator will not know it");
    }
    return assignments.timeZone ?? undefined;
  }

  function start(assigned: AssignedAgent): void {
    const { name, triggers } = assigned.spec;
    const id = idOf(assigned);
    stop(id);
    pins.start(assigned);
    const started: { stop(): void }[] = [];
    const unread: string[] = [];
    for (const { cron, prompt, timeZone } of triggers.filter(isTimeTrigger)) {
      if (timeZone === undefined) inFleetZone.add(id);
      try {
        started.push(startTrigger(cron, timeZone ?? fleetZone(), clock, () => fire(assigned, prompt)));
      } catch (error) {
        log.warn({ err: error, agent: name, cron, timeZone }, 'a trigger cannot be read and never fires');
        const isUnknown = timeZone !== undefined && !isTimeZone(timeZone);
        const why = isUnknown ? `this machine does not know the time zone ${timeZone}` : (error as Error).message;
        unread.push(`"${cron}" of ${name} never fires: ${why}`);
      }
    }
    if (started.length > 0) running.set(id, started);
    if (unread.length > 0) faults.set(id, unread);
  }
  function stop(id: string): void {
    for (const trigger of running.get(id) ?? []) trigger.stop();
    pins.stop(id);
    running.delete(id);
    faults.delete(id);
    inFleetZone.delete(id);
  }

  return {
    start,
    stop,
    stopAll(): void {
      for (const id of running.keys()) stop(id);
      pins.stopAll();
    },
    /** Sets the fleet's zone as the coordinator sent it: the triggers of these agents are planned again where it is another. */
    meanZone(zone: string, agents: Iterable<AssignedAgent>): void {
      if (zone === (saidZone ?? unknownZone ?? assignments.timeZone)) return;
      saidZone = zone;
      unknownZone = null;
      for (const assigned of agents) start(assigned);
    },
    /** The triggers that do not fire as intended, with reasons. */
    troubles(): string[] {
      const found = [...[...faults.values()].flat(), ...pins.troubles()];
      if (unknownZone !== null && inFleetZone.size > 0) {
        const kept = assignments.timeZone === null ? "the machine's own" : assignments.timeZone;
        found.unshift(
          `those that name no time zone follow ${kept}: this machine does not know the fleet's, ${unknownZone}`,
        );
      }
      const shown = found.length > maxTroubles ? found.slice(0, maxTroubles - 1) : found;
      const more = found.length - shown.length;
      return [...shown.map((text) => text.slice(0, maxTroubleLength)), ...(more > 0 ? [`and ${more} more`] : [])];
    },
  };
}
