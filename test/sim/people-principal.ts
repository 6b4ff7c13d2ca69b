// As whom the people of a simulated fleet act: one admin's key.
import { defaultSpace, type Principal } from '@blackroad/protocol';

export const people: Principal = { kind: 'key', id: 'people', name: 'people', space: defaultSpace, roles: ['admin'] };
