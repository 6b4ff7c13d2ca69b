// Traffic of the physical interfaces and the quality of the Wi-Fi: from /proc/net/dev and /proc/net/wireless.
import type { Clock } from '@blackroad/std/clock';
import type { Files } from './files.ts';

/** Bridges, VLANs, tunnels and container ends carry the same bytes once more. Used only where no card is visible, as in a container. */
const virtualName =
  /^(lo|docker|podman|hassio|veth|br-|br\d|vmbr|virbr|lxcbr|lxdbr|cni|flannel|cali|tun|tap|wg|tailscale|zt|dummy|ifb|sit|ip6tnl|gre|vxlan|macvlan|macvtap|ipvlan|vlan|bond|team|ppp)|[.@]/;

function readTraffic(files: Files): { received: number; sent: number } | null {
  const text = files.text('/proc/net/dev');
  if (text === null) return null;
  const all: { name: string; received: number; sent: number }[] = [];
  for (const line of text.split('\n').slice(2)) {
    const [name, counters] = line.split(':');
    if (!name || !counters) continue;
    const fields = counters.trim().split(/ +/).map(Number);
    all.push({ name: name.trim(), received: fields[0] ?? 0, sent: fields[8] ?? 0 });
  }
  // The kernel links a real card to its device; an interface of software has none.
  const cards = all.filter(({ name }) => files.exists(`/sys/class/net/${name}/device`));
  const counted = cards.length > 0 ? cards : all.filter(({ name }) => !virtualName.test(name));
  const sum = (of: (card: (typeof all)[number]) => number) => counted.reduce((total, card) => total + of(card), 0);
  return { received: sum(({ received }) => received), sent: sum(({ sent }) => sent) };
}

/** Bytes a second since the last call. */
export function createTrafficRate(files: Files, clock: Clock) {
  let last = readTraffic(files);
  let lastMs = clock.monotonicMs();
  return (): { receivedBytesPerS: number; sentBytesPerS: number } | undefined => {
    const [now, nowMs] = [readTraffic(files), clock.monotonicMs()];
    const seconds = (nowMs - lastMs) / 1000;
    const before = last;
    [last, lastMs] = [now, nowMs];
    if (!now || !before || seconds <= 0) return undefined;
    // The counters of a removed interface are missing in the sum.
    const rate = (from: number, to: number) => Math.round(Math.max(0, to - from) / seconds);
    return { receivedBytesPerS: rate(before.received, now.received), sentBytesPerS: rate(before.sent, now.sent) };
  };
}

/** Nothing is received below this; drivers report -256 and 0 for a card without a connection. */
const leastDbm = -120;

/** Signal of the first wireless interface that has one; reconnects since boot, counted by its carrier. */
export function readWifi(files: Files): { signalDbm: number; reconnects: number } | undefined {
  for (const line of (files.text('/proc/net/wireless') ?? '').split('\n').slice(2)) {
    // `wlan0: 0000   58.  -52.  -256 ...`: status, link quality, level in dBm, noise.
    const found = /^ *(\S+): +\S+ +\S+ +(-?\d+)\.?/.exec(line);
    if (!found) continue;
    const signalDbm = Number(found[2]);
    // Some drivers report a share of 100 instead of dBm, which cannot be compared.
    if (signalDbm >= 0 || signalDbm < leastDbm) continue;
    const ups = files.number(`/sys/class/net/${found[1]}/carrier_up_count`) ?? 0;
    return { signalDbm, reconnects: Math.max(0, ups - 1) };
  }
  return undefined;
}
