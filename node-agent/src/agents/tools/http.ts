// The http tool: GET of text from hosts a person listed, exactly those. node:http instead of fetch: the first fetch() costs 12 MB [M]. A
// listed name may be in the home network (people list such names), but a name that resolves to this machine itself or to a link-local
// address (a cloud's metadata) is refused unless it was listed as `localhost` or as that very address.
import { lookup as dnsLookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { type Static, Type } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Tool, ToolContext } from '../tool.ts';

const maxBodyBytes = 64 * 1024;
const deadlineMs = 10_000;
const maxRedirects = 3;
const Get = Type.Object({
  url: Type.String({ minLength: 1, maxLength: 2000, description: 'http:// or https:// address.' }),
});

const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addSubnet('0.0.0.0', 8, 'ipv4');
own.addSubnet('169.254.0.0', 16, 'ipv4');
own.addAddress('::1', 'ipv6');
own.addAddress('::', 'ipv6');
own.addSubnet('fe80::', 10, 'ipv6');

export function httpTool(hosts: readonly string[], clock: Clock): Tool {
  const allowed = new Set(hosts.map((host) => host.toLowerCase()));
  const list = [...allowed].join(', ');
  return {
    name: 'http_get',
    description: `Read a web address (GET). Hosts: ${list}.`,
    parameters: Get,
    outside: true,
    async call({ url }: Static<typeof Get>, { signal }: ToolContext) {
      const late = new AbortController();
      const timer = clock.after(deadlineMs, () => late.abort());
      try {
        return await get(url, allowed, AbortSignal.any([signal, late.signal]));
      } catch (error) {
        if (late.signal.aborted) return `Failed: no answer within ${deadlineMs / 1000} seconds.`;
        return `Failed: ${(error as Error).message}`;
      } finally {
        timer.cancel();
      }
    },
  };
}

async function get(address: string, allowed: ReadonlySet<string>, signal: AbortSignal): Promise<string> {
  let url = address;
  let first: URL | undefined;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const base: string | undefined = first?.href;
    const target: URL | null = URL.canParse(url, base) ? new URL(url, base) : null;
    if (!target || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
      return `Refused: ${url.slice(0, 200)} is not an http:// or https:// address.`;
    }
    // A host without a port in the list means the scheme's default port, which URL.host leaves out too.
    if (!allowed.has(target.host) || target.username !== '' || target.password !== '') {
      return `Refused: ${target.host} is not among the allowed hosts (${[...allowed].join(', ')}).`;
    }
    if (first && target.host !== first.host) return `Refused: the answer leads to another host, ${target.host}.`;
    first ??= target;
    const answer = await request(target, signal);
    if (!('location' in answer)) return answer.text;
    url = answer.location;
  }
  return `Failed: more than ${maxRedirects} redirects.`;
}

function request(url: URL, signal: AbortSignal): Promise<{ text: string } | { location: string }> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const listedAsSuch = host === 'localhost' || isIP(host) !== 0;
    const lookup: LookupFunction = (name, options, done) => {
      dnsLookup(name, options, (error, address, family) => {
        const found = Array.isArray(address) ? address : [{ address: address as string, family: family as number }];
        const bad = error
          ? undefined
          : found.find((each) => own.check(each.address, each.family === 6 ? 'ipv6' : 'ipv4'));
        if (bad && !listedAsSuch) done(new Error(`${name} leads to ${bad.address}, which is refused`), '', 4);
        else done(error, address as string, family);
      });
    };
    const client = url.protocol === 'https:' ? https : http;
    const headers = { accept: 'application/json, text/*;q=0.9', 'accept-encoding': 'identity' };
    const outgoing = client.get(url, { signal, lookup, headers, agent: false }, (response) => {
      const { statusCode = 0, headers: got } = response;
      if (statusCode >= 300 && statusCode < 400 && got.location) {
        response.destroy();
        resolve({ location: got.location });
        return;
      }
      const type = (got['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
      if (type !== '' && !/^text\/|[/+](json|xml|yaml)$|^application\/x-ndjson$/.test(type)) {
        response.destroy();
        resolve({ text: `Refused: ${type} is not text.` });
        return;
      }
      const parts: Buffer[] = [];
      let bytes = 0;
      const finish = (cut: boolean) => {
        const text = new TextDecoder().decode(Buffer.concat(parts).subarray(0, maxBodyBytes));
        resolve({ text: `HTTP ${statusCode}${cut ? ' (cut to 64 KiB)' : ''}\n${text}` });
      };
      response.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes <= maxBodyBytes) return;
        finish(true);
        response.destroy();
      });
      response.on('end', () => finish(false));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
  });
}
