// The principal of the people of a simulated fleet: the key of an admin.
import { defaultSpace, type Principal } from '@blackroad/protocol';

export const people: Principal = { kind: 'key', id: 'people', name: 'people', space: defaultSpace, roles: ['admin'] };
