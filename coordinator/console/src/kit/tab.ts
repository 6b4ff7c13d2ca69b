// The browser's tab: the page's title with the number of unacknowledged alerts, and a mark on the icon, so that a person sees on any page,
// also from another tab, that there are alerts.
let title = '';
let open = 0;

function show(): void {
  if (title === '') return;
  document.title = `${open > 0 ? `(${open}) ` : ''}${title} · BlackRoad Fleet`;
}
export function setTitle(now: string): void {
  title = now;
  show();
}
export function setOpenAlerts(now: number): void {
  if (now === open) return;
  open = now;
  show();
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  if (icon) icon.href = now > 0 ? '/icon-alert.svg' : '/icon.svg';
}
