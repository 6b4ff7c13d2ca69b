// The table of kinds. A kind of the protocol without a row does not compile.
import type { RolloutKind, RolloutWhat } from '@blackroad/protocol';
import type { Kind } from './kind.ts';
import { agentKind } from './kinds/agent.ts';
import { balenaKind } from './kinds/balena.ts';
import { configurationKind } from './kinds/configuration.ts';
import { modelKind } from './kinds/model.ts';
import { nodeAgentKind } from './kinds/node-agent.ts';
import { osKind } from './kinds/os.ts';

const kinds: { [K in RolloutKind]: Kind<K> } = {
  'node-agent': nodeAgentKind,
  model: modelKind,
  agent: agentKind,
  configuration: configurationKind,
  balena: balenaKind,
  os: osKind,
};

/** The row of a kind, whose functions take rollouts of that kind: the caller has one of `what` at hand. */
export function kindOf<K extends RolloutKind>({ kind }: { kind: K } & Pick<RolloutWhat, 'kind'>): Kind<RolloutKind> {
  return kinds[kind] as unknown as Kind<RolloutKind>;
}

/** Why nothing of this kind is taken back; null: there is a way back. */
export function noWayBack(what: RolloutWhat): string | null {
  const kind = kindOf(what);
  return 'noWayBack' in kind ? kind.noWayBack : null;
}
