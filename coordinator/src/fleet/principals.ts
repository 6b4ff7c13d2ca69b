// The principals of the fleet: a key, a session, a node, a join token, an address. The only place that assigns roles to each. Pure.
import { defaultSpace, type Principal, type TaskOriginName } from '@blackroad/protocol';
import type { KeyRow, SessionRow } from '../state/rows.ts';

export function principalOfKey({ id, name, role, space }: Pick<KeyRow, 'id' | 'name' | 'role' | 'space'>): Principal {
  return { kind: 'key', id, name, space, roles: [role] };
}
type Signed = Pick<SessionRow, 'keyId' | 'name' | 'roles' | 'space'>;
export function principalOfSession({ keyId, name, roles, space }: Signed): Principal {
  return { kind: 'session', id: keyId, name, space, roles: [...roles] };
}
/** A node asks for its own drain, and for nothing that roles allow. */
export function principalOfNode(id: string): Principal {
  return { kind: 'node', id, name: id, space: defaultSpace, roles: [] };
}
/** Where a task of the principal comes from, unless it says so itself. */
export function originOf({ kind }: Principal): TaskOriginName {
  return kind === 'session' ? 'console' : 'api';
}
/** The principal of a request without a key: it may use the open routes. */
export function principalAt(address: string): Principal {
  return { kind: 'address', id: null, name: address, space: defaultSpace, roles: [] };
}
