// The number of unacknowledged alerts: beside the page's name in the navigation, and on the tab.
import { useEffect } from 'react';
import { useAlerts } from '../data/live.ts';
import { setOpenAlerts } from '../kit/tab.ts';
import { plural } from '../kit/words.ts';

/** Alerts that nobody has acknowledged; keeps the tab in step while it is on the page. */
export function useOpenAlerts(): { open: number; grave: boolean } {
  const { list } = useAlerts();
  const waiting = list.filter(({ acknowledged }) => acknowledged === null);
  const open = waiting.length;
  useEffect(() => setOpenAlerts(open), [open]);
  useEffect(() => () => setOpenAlerts(0), []);
  return { open, grave: waiting.some(({ severity }) => severity === 'error') };
}

export function OpenAlerts({ open, grave }: { open: number; grave: boolean }) {
  if (open === 0) return null;
  return (
    <span className={`nav-count ${grave ? 'bad' : 'warn'}`}>
      {open > 99 ? '99+' : open}
      <span className="sr-only"> {plural(open, 'alert').replace(/^\S+ /, '')} open</span>
    </span>
  );
}
