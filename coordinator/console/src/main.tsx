// Starts the console in the page.
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { every } from './data/clock.ts';

createRoot(document.getElementById('console') as HTMLElement).render(<App />);

if (DEV) {
  // `make dev` builds on save: an open page that is of an older build loads itself anew.
  const built = document.querySelector<HTMLMetaElement>('meta[name=build]')?.content;
  every(700, async () => {
    const page = await fetch('/', { headers: { accept: 'text/html' } }).then(
      (r) => r.text(),
      () => '',
    );
    const now = /name="build" content="([^"]+)"/.exec(page)?.[1];
    if (now && now !== built) location.reload();
  });
}
