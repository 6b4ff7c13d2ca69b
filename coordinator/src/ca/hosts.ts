// The names and addresses under which this machine is reached from its network, for the server certificate. It only reads the machine; the
// CA adds the loopback names.
import { hostname, networkInterfaces } from 'node:os';

/** Host name, `<host name>.local` (mDNS, how a home network finds a Pi) and every address that is not link-local. Sorted. */
export function machineHosts(): string[] {
  const name = hostname().toLowerCase();
  const hosts = new Set<string>();
  // A host name with other characters is no valid DNS name, and a certificate with it is refused as a whole.
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) {
    hosts.add(name);
    if (!name.includes('.')) hosts.add(`${name}.local`);
  }
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, internal } of addresses ?? []) {
      if (!internal && !address.startsWith('fe80:') && !address.startsWith('169.254.')) hosts.add(address);
    }
  }
  return [...hosts].sort();
}
