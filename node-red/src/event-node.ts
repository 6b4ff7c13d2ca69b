// The node `fleet event`. Out: each event of the fleet that fits, once, on the first output; on the second what a flow has to know beside:
// events that could not be told, and that the fleet is away, refuses or is back. It begins where it stopped: the number of the last event outlives
// a deploy here, and a restart of Node-RED in the node's context, which Node-RED drops with each deploy unless it keeps contexts in files.
import type { Gap, Listener, Told } from './door.ts';
import { fleetOf } from './fleet-node.ts';
import type { Red } from './red.ts';
import { statusOfStand, statusOfTrouble, well } from './status.ts';
import { type Trouble, troubleOf } from './trouble.ts';

interface EventConfig {
  fleet?: string;
  /** Separated by commas; none: all. */
  types?: string;
  /** A node of the fleet; none: all. */
  node?: string;
  severity?: string;
}

/** The last event that was told, of the fleet at this address. */
interface Last {
  url: string;
  id: number;
}

const severities = ['info', 'warning', 'error'];
const contextKey = 'lastEvent';

export function registerEventNode(red: Red): void {
  /** By the id of the node. */
  const lasts = new Map<string, Last>();
  red.nodes.registerType<EventConfig>('fleet event', function (config) {
    red.nodes.createNode(this, config);
    const fleet = fleetOf(red, config.fleet);
    const isWanted = wantedBy(config);
    if ('trouble' in fleet) return this.status(statusOfTrouble(fleet.trouble));
    const { door, link, way, url } = fleet;
    let met: Trouble | null = null;
    const unfollow = link.follow((stand) => this.status(met ? statusOfTrouble(met) : statusOfStand(stand)));
    const tell = (payload: object, topic: string) => this.send([null, { topic, payload }]);

    const found = lasts.get(this.id) ?? (this.context().get(contextKey) as Last | undefined);
    let kept = way === 'http' && found?.url === url ? found.id : null;
    /** Written where it changed alone: a context may be a file on an SD card. */
    const keep = () => {
      if (listener.after === null || listener.after === kept) return;
      kept = listener.after;
      const last: Last = { url, id: kept };
      lasts.set(this.id, last);
      this.context().set(contextKey, last);
    };
    const listener: Listener = {
      after: kept,
      onEvent: (event: Told) => {
        if (!isWanted(event)) return;
        this.status(well(`${event.type}${event.node === null ? '' : ` of ${event.node}`}`));
        this.send([{ topic: event.type, payload: event }, null]);
      },
      onGap: (gap: Gap) => tell({ ...gap, kind: 'not-told' }, 'not-told'),
      onTrouble: (error: Error | null) => {
        const trouble = error === null ? null : troubleOf(error);
        keep();
        const isSame = trouble?.kind === met?.kind && trouble?.message === met?.message;
        const before = met;
        met = trouble;
        link.met(trouble);
        if (isSame) return;
        this.status(trouble ? statusOfTrouble(trouble) : statusOfStand(link.stand));
        if (trouble) {
          const { kind, words, message: text, code } = trouble;
          tell({ kind, words, text, code }, 'trouble');
          this.error(text, { topic: 'trouble', payload: { kind, words, text, code } });
        } else if (before) tell({ kind: 'back', text: 'events are told again' }, 'back');
      },
    };
    const end = door.listen(listener);
    this.on('close', (isRemoved, done) => {
      end();
      unfollow();
      keep();
      if (isRemoved) lasts.delete(this.id);
      done();
    });
  });
}

/** Empty fields let everything through. */
function wantedBy({ types = '', node = '', severity = '' }: EventConfig): (event: Told) => boolean {
  const list = types.split(/[\s,]+/).filter((type) => type !== '');
  const wanted = new Set(list);
  const least = severities.indexOf(severity);
  return (event) =>
    (wanted.size === 0 || wanted.has(event.type)) &&
    (node.trim() === '' || event.node === node.trim()) &&
    severities.indexOf(event.severity) >= least;
}
