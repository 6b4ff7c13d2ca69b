// The node `fleet node control`. In: a message; what is to be done, and on which node of the fleet, stands in the settings or in the message.
// Out: the result on the first output, a message that was refused on the second.
import { systemClock } from '@blackroad/std/clock';
import { type Action, actions } from './door.ts';
import { tellFailed } from './failed.ts';
import { fleetOf } from './fleet-node.ts';
import type { Message, Red } from './red.ts';
import { statusOfStand, statusOfTrouble, well, working } from './status.ts';
import { Trouble, troubleOf } from './trouble.ts';

interface ControlConfig {
  fleet?: string;
  action?: string;
  node?: string;
}

/** A node answers within ten seconds, or is away. */
const orderMs = 20_000;
const maxAtOnce = 50;
const name = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const outputs = 2;

export function registerControlNode(red: Red): void {
  red.nodes.registerType<ControlConfig>('fleet node control', function (config) {
    red.nodes.createNode(this, config);
    const fleet = fleetOf(red, config.fleet);
    if ('trouble' in fleet) this.status(statusOfTrouble(fleet.trouble));
    const stop = new AbortController();
    let underWay = 0;
    const unfollow =
      'trouble' in fleet
        ? () => {}
        : fleet.link.follow((stand) => {
            if (underWay === 0) this.status(statusOfStand(stand));
          });

    const carryOut = async (message: Message) => {
      if ('trouble' in fleet) throw fleet.trouble;
      const { node, action } = orderOf(config, message);
      if (underWay >= maxAtOnce) throw new Trouble('full', `${maxAtOnce} orders are under way: this one is not given`);
      underWay++;
      this.status(working(`${action} ${node}`));
      const late = new AbortController();
      const abort = () => late.abort();
      const timer = systemClock.after(orderMs, abort, true);
      stop.signal.addEventListener('abort', abort, { once: true });
      try {
        const result = await fleet.door.control(node, action, late.signal);
        fleet.link.met(null);
        return result;
      } catch (error) {
        if (stop.signal.aborted) throw new Trouble('stopped', 'the flow was stopped before it was done');
        if (late.signal.aborted) throw new Trouble('away', `${action} ${node}: no answer within ${orderMs / 1000} s`);
        throw error;
      } finally {
        underWay--;
        timer.cancel();
        stop.signal.removeEventListener('abort', abort);
      }
    };

    this.on('input', (message, send, done) => {
      carryOut(message)
        .then((result) => {
          this.status(well(`${result.action} ${result.node}`));
          message.payload = result;
          send([message, null]);
          done();
        })
        .catch((error) => {
          const trouble = troubleOf(error);
          if (!('trouble' in fleet)) fleet.link.met(trouble);
          const about = typeof message.node === 'string' ? message.node : config.node;
          this.status(statusOfTrouble(trouble, trouble.kind === 'unknown-node' ? about : undefined));
          tellFailed({ red, message, trouble, outputs, send, done });
        });
    });
    this.on('close', (_isRemoved, done) => {
      unfollow();
      stop.abort();
      done();
    });
  });
}

/** @throws Trouble bad-message */
function orderOf(config: ControlConfig, message: Message): { node: string; action: Action } {
  const action = chosen(message.action, config.action);
  const node = chosen(message.node, config.node);
  const known = actions.find((each) => each === action);
  if (known === undefined)
    throw new Trouble('bad-message', `msg.action: expected one of ${actions.join(', ')}, got ${inWords(action)}`);
  if (typeof node !== 'string' || !name.test(node))
    throw new Trouble('bad-message', `msg.node: expected the name of a node of the fleet, got ${inWords(node)}`);
  return { node, action: known };
}
/** What the message says goes before the settings. */
const chosen = (given: unknown, set = '') => (given === undefined || given === '' ? set.trim() : given);
const inWords = (value: unknown) =>
  value === '' ? 'nothing' : typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
