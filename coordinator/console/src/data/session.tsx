// The session of this console: sign-in by one-time code or key, the role, and the permissions by the route table, so that actions without
// permission are not offered.

import routes from 'fleet:routes';
import type { Principal, RouteName } from '@blackroad/protocol';
import { mayDo } from '@blackroad/protocol/permissions';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { ApiProblem, call, onSignedOut } from './api.ts';
import { queries } from './query.ts';

type Me = Principal;
type Session =
  | { state: 'asking' }
  | { state: 'out'; why: string }
  | { state: 'unreachable'; why: string }
  | { state: 'in'; me: Me };

export interface SessionDoor {
  session: Session;
  signIn(codeOrKey: string): Promise<void>;
  signOut(): Promise<void>;
  retry(): void;
}

export function mayUse({ roles }: Me, route: RouteName): boolean {
  const { needs } = routes[route];
  return needs === 'open' || mayDo(roles, needs);
}

/** The code of the address is used up by this; it must not stay in the address bar, the history or a screenshot. */
function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code) history.replaceState(history.state, '', location.pathname + location.search);
  return code;
}
const firstCode = takeCode();

const Signed = createContext<Me | null>(null);
export const SignedIn = ({ me, children }: { me: Me; children: ReactNode }) => <Signed value={me}>{children}</Signed>;

export function useMe(): Me {
  const me = useContext(Signed);
  if (!me) throw new Error('useMe is for pages of people who are signed in');
  return me;
}
/** Whether this person may call a route; other actions are not shown. */
export function useMay(): (route: RouteName) => boolean {
  const me = useMe();
  return (route) => mayUse(me, route);
}

export function useSessionDoor(): SessionDoor {
  const [session, set] = useState<Session>({ state: 'asking' });
  const [asked, ask] = useState(0);
  useEffect(() => {
    let gone = false;
    const enter = async () => {
      let refused = '';
      if (firstCode && asked === 0)
        await call('signIn', { body: { code: firstCode } }).catch((error: Error) => (refused = error.message));
      try {
        const me = await call('me');
        if (!gone) set({ state: 'in', me });
      } catch (error) {
        if (gone) return;
        const out = error instanceof ApiProblem && error.status === 401;
        set(out ? { state: 'out', why: refused } : { state: 'unreachable', why: (error as Error).message });
      }
    };
    void enter();
    const off = onSignedOut(() => {
      queries.clear();
      set((was) =>
        was.state === 'in' ? { state: 'out', why: 'Your session has ended. Sign in again to go on.' } : was,
      );
    });
    return () => {
      gone = true;
      off();
    };
  }, [asked]);
  return {
    session,
    retry: () => ask((n) => n + 1),
    async signIn(code) {
      await call('signIn', { body: { code } });
      set({ state: 'in', me: await call('me') });
    },
    async signOut() {
      await call('signOut').catch(() => {});
      queries.clear();
      set({ state: 'out', why: '' });
    },
  };
}
