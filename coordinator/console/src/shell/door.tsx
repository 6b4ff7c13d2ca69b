// The sign-out, for components that show it.
import { createContext, useContext } from 'react';
import type { SessionDoor } from '../data/session.tsx';

const Context = createContext<SessionDoor | null>(null);
export const Door = Context.Provider;
export function useDoor(): SessionDoor {
  const door = useContext(Context);
  if (!door) throw new Error('useDoor is for what is shown behind the door');
  return door;
}
