// The troubles of each subject (a node, an agent, the fleet), and the groups that they form: one group is one alert. In: what was found at
// a subject. Out: the members of a group, since when it has them, and which groups changed. It looks at nothing and words nothing.
import { alertKinds, maxAlerts } from '@blackroad/protocol';
import type { Trouble } from '../fleet/troubles.ts';

export class TroubleGroups {
  readonly #bySubject = new Map<string, Trouble[]>();
  readonly #groups = new Map<string, Map<string, Trouble>>();
  readonly #sinceMs = new Map<string, number>();
  /** Groups that may be told otherwise than before; whoever told them empties it. */
  readonly changed = new Set<string>();

  ids(): Iterable<string> {
    return this.#groups.keys();
  }
  /** By subject; undefined: there is no such group. */
  members(id: string): ReadonlyMap<string, Trouble> | undefined {
    return this.#groups.get(id);
  }
  /** Since when the oldest member has its trouble. */
  sinceMs(id: string): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const subject of this.#groups.get(id)?.keys() ?? [])
      oldestMs = Math.min(oldestMs, this.#sinceMs.get(`${id} ${subject}`) ?? oldestMs);
    return oldestMs;
  }
  /** Those with a trouble, as they are in this moment. */
  subjects(): readonly string[] {
    return [...this.#bySubject.keys()];
  }

  /** What is found at a subject now, in place of what was. */
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

  /** One kind of trouble with a thousand causes is one alert. */
  #bounded(trouble: Trouble): Trouble {
    if (this.#groups.has(trouble.group) || this.#groups.size < maxAlerts - alertKinds.length) return trouble;
    const group = `${trouble.kind}:others`;
    const { code, ...rest } = trouble;
    return { ...rest, group, many: 'more of the same kind', text: 'There are too many to show each by itself.' };
  }
}
