// Addresses of servers as people write them, checked before anything uses them. In: text, e.g. `localhost:11434`, `0.0.0.0`,
// `http://box:8000/v1`. Out: the whole URL or the host, or null where the text is no address. Asks no name server.

export interface AddressForm {
  /** The schemes that are accepted; the first one is used where the text has none. */
  schemes: readonly string[];
  /** Used where the text has neither scheme nor port. */
  port?: number;
}

const address =
  /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:([^@/?#\s]*)@)?(\[[0-9a-f:.]+\]|[^@:/?#\s[\]]*)(?::(\d*))?(\/[^?#\s@]*)?$/i;
const bareIpv6 = /^[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*$/i;
/** The path of an API at the end of a URL: people copy it from examples, and clients add it by themselves. */
const apiEnd = /\/(v1|api)(\/(chat|chat\/completions|completions|generate|embed|embeddings|models|tags|version))?$/;

/** `address`: an IP address, without brackets. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

/** The URL without a trailing slash or API path; an address for all interfaces becomes one of this machine. */
export function serverUrl(text: string, form: AddressForm): string | null {
  const bare = text.trim().replace(/^(["'])(.*)\1$/, '$2');
  if (bare === '') return null;
  const found = address.exec(bareIpv6.test(bare) ? `[${bare}]` : bare);
  if (!found) return null;
  const [, scheme, user, host = '', port, path = ''] = found;
  if (scheme !== undefined && !form.schemes.includes(scheme.toLowerCase())) return null;
  // The address is shown in many places, and a password in it would be shown too.
  if (user !== undefined) return null;
  // `:11434` is this machine, as it is for Ollama; a scheme alone is no address.
  if (host === '' && !port) return null;
  const target = host === '' ? '127.0.0.1' : targetOf(host);
  if (target === null) return null;
  const given = port === undefined && scheme === undefined ? form.port : port;
  if (given !== undefined && (given === '' || Number(given) < 1 || Number(given) > 65_535)) return null;
  const rest = path.replace(/\/+$/, '').replace(apiEnd, '').replace(/\/+$/, '');
  return `${(scheme ?? form.schemes[0] ?? 'http').toLowerCase()}://${target}${given === undefined ? '' : `:${Number(given)}`}${rest}`;
}

/** A host name or an IP address, alone: no scheme, no port. Null where the text is neither. */
export function hostName(text: string): string | null {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (bareIpv6.test(bare)) return isIpv6(bare) ? bare.toLowerCase() : null;
  return isHost(bare) ? bare.toLowerCase() : null;
}

/** A host that stands for every address of a machine becomes one that can be called. */
function targetOf(host: string): string | null {
  if (host.startsWith('[')) {
    if (!isIpv6(host.slice(1, -1))) return null;
    return new URL(`http://${host}`).hostname.replace(/^\[::\]$/, '[::1]');
  }
  if (!isHost(host)) return null;
  return host === '0.0.0.0' ? '127.0.0.1' : host.toLowerCase();
}

function isIpv6(text: string): boolean {
  return URL.canParse(`http://[${text}]`);
}
function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  if (/^[\d.]+$/.test(text)) {
    const parts = text.split('.');
    return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  }
  return text
    .split('.')
    .every((label, i, all) =>
      label === '' ? i === all.length - 1 && i > 0 : /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label),
    );
}
