// The console as a whole: the sign-in, and after it the shell with its pages.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { Tooltip } from 'radix-ui';
import { useEffect } from 'react';
import { closeFeed, openFeed } from './data/feed.ts';
import { queries } from './data/query.ts';
import { type SessionDoor, SignedIn, useSessionDoor } from './data/session.tsx';
import { onTold } from './data/told.ts';
import { Loading } from './kit/states.tsx';
import { say, Toasts } from './kit/toasts.tsx';
import { router } from './router.tsx';
import { Door } from './shell/door.tsx';
import { SignIn, Unreachable } from './shell/sign-in.tsx';

export function App() {
  const door = useSessionDoor();
  const { session } = door;
  if (session.state === 'asking') {
    return (
      <main className="door">
        <Loading />
      </main>
    );
  }
  if (session.state === 'out') return <SignIn key={session.why} door={door} why={session.why} />;
  if (session.state === 'unreachable') return <Unreachable door={door} why={session.why} />;
  return (
    <SignedIn me={session.me}>
      <Inside door={door} />
    </SignedIn>
  );
}

function Inside({ door }: { door: SessionDoor }) {
  useEffect(() => {
    openFeed();
    return closeFeed;
  }, []);
  useEffect(() => onTold(say), []);
  return (
    <Door value={door}>
      <QueryClientProvider client={queries}>
        <Tooltip.Provider delayDuration={300}>
          <RouterProvider router={router} />
          <Toasts />
        </Tooltip.Provider>
      </QueryClientProvider>
    </Door>
  );
}
