// The theme: light, dark, or that of the system; kept in this browser.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const watchers = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => {
  for (const each of watchers) each();
});

function theme(): Theme {
  const { theme: set } = document.documentElement.dataset;
  return set === 'dark' || set === 'light' ? set : 'system';
}
export function setTheme(now: Theme): void {
  if (now === 'system') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem('theme');
  } else {
    document.documentElement.dataset.theme = now;
    localStorage.setItem('theme', now);
  }
  for (const each of watchers) each();
}
const isDark = (): boolean => (theme() === 'system' ? system.matches : theme() === 'dark');
const watch = (changed: () => void) => {
  watchers.add(changed);
  return () => watchers.delete(changed);
};
export const useTheme = (): Theme => useSyncExternalStore(watch, theme);
/** Called when the theme changes, so that canvases are painted anew. */
export const useIsDark = (): boolean => useSyncExternalStore(watch, isDark);
