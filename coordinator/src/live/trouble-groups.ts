// The troubles of each subject (a node, an agent, the fleet), and the groups that they form: one group is one alert. In: the troubles of a
// subject. Out: the members of a group, the time since which it has them, and the groups that changed. It examines nothing and makes no
// texts.
import { alertKinds, maxAlerts } from '@blackroad/protocol';
import type { Trouble } from '../fleet/trouble.ts';

export class TroubleGroups {
  readonly #bySubject = new Map<string, Trouble[]>();
  readonly #groups = new Map<string, Map<string, Trouble>>();
  readonly #sinceMs = new Map<string, number>();
  /** Groups that may be shown differently than before; the board that shows them empties it. */
  readonly changed = new Set<string>();

  ids(): Iterable<string> {
    return this.#groups.keys();
  }
  /** The members by subject; undefined: there is no such group. */
  members(id: string): ReadonlyMap<string, Trouble> | undefined {
    return this.#groups.get(id);
  }
  /** The time since which the oldest member has its trouble. */
  sinceMs(id: string): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const subject of this.#groups.get(id)?.keys() ?? [])
      oldestMs = Math.min(oldestMs, this.#sinceMs.get(`${id} ${subject}`) ?? oldestMs);
    return oldestMs;
  }
  /** The subjects that have a trouble now. */
  subjects(): readonly string[] {
    return [...this.#bySubject.keys()];
  }

  /** Replaces the troubles of a subject. */
  set(subject: string, found: readonly Trouble[], nowMs: number): void {
    const troubles = found.map((trouble) => this.#bounded(trouble));
    const before = this.#bySubject.get(subject) ?? [];
    if (before.length === 0 && troubles.length === 0) return;
    for (const { group } of before) {
      if (troubles.some((trouble) => trouble.group === group)) continue;
      const members = this.#groups.get(group);
      members?.delete(subject);
      if (members?.size === 0) this.#groups.delete(group);
      this.#sinceMs.delete(`${group} ${subject}`);
      this.changed.add(group);
    }
    for (const trouble of troubles) {
      let members = this.#groups.get(trouble.group);
      if (!members) {
        members = new Map();
        this.#groups.set(trouble.group, members);
      }
      members.set(subject, trouble);
      const key = `${trouble.group} ${subject}`;
      if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, trouble.sinceMs ?? nowMs);
      this.changed.add(trouble.group);
    }
    if (troubles.length > 0) this.#bySubject.set(subject, troubles);
    else this.#bySubject.delete(subject);
  }

  /** A thousand troubles of one kind are one alert. */
  #bounded(trouble: Trouble): Trouble {
    if (this.#groups.has(trouble.group) || this.#groups.size < maxAlerts - alertKinds.length) return trouble;
    const group = `${trouble.kind}:others`;
    const { code, ...rest } = trouble;
    return { ...rest, group, many: 'more of the same kind', text: 'There are too many to show each by itself.' };
  }
}
