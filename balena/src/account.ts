// What the coordinator asks of balena, in the SDK's own calls. In: settings with a token. Out: devices and releases in our words, cut to
// their limits; what does not have the form of a device or a release is left out. It decides nothing, and repeats nothing.
import { type BalenaSDK, getSdk } from 'balena-sdk';
import type { BalenaAnswers, BalenaFaultTold, BalenaSettings, FromBalena } from '../../coordinator/src/balena/wire.ts';
import { asFault } from './fault.ts';

type Fleet = BalenaAnswers['look']['fleets'][number];
type Device = Extract<FromBalena, { devices: unknown }>['devices'][number];
type Release = NonNullable<Device['release']>;

/** The tag that names the node. */
const nodeTag = 'blackroad-node';
/** Its container joins with it. */
const tokenVariable = 'BLACKROAD_JOIN_TOKEN';
const pageRows = 1000;
const shownCommitChars = 7;

export interface Account {
  look(onDevices: (page: Device[]) => void): Promise<BalenaAnswers['look']>;
  pin(device: string, release: number): Promise<void>;
  prepare(device: number, variables: Readonly<Record<string, string>>, tag: string): Promise<void>;
  /** What one of these calls threw. */
  faultOf(error: unknown): BalenaFaultTold;
}

export function openAccount(settings: BalenaSettings): Account {
  // Nothing is kept on the disk, and what balena refuses for now is repeated by the coordinator alone, which knows what else waits.
  const sdk = getSdk({ apiUrl: settings.apiUrl, dataDirectory: false, retryRateLimitedRequests: false });
  let login: Promise<void> | null = null;
  const signedIn = async () => {
    login ??= sdk.auth.loginWithToken(settings.token);
    await login;
    return sdk.models.device;
  };
  return {
    async look(onDevices) {
      await signedIn();
      const fleets: Fleet[] = [];
      let left = settings.maxDevices;
      for (const slug of settings.fleets) {
        const { id, fleet } = await fleetOf(sdk, slug, settings.maxReleases);
        fleets.push(fleet);
        for await (const page of devicesOf(sdk, id, slug)) {
          if (left === 0) break;
          onDevices(page.slice(0, left));
          left -= Math.min(left, page.length);
        }
      }
      return { fleets };
    },
    pin: async (device, release) => (await signedIn()).pinToRelease(device, release),
    async prepare(device, variables, tag) {
      const devices = await signedIn();
      for (const [name, value] of Object.entries(variables)) await devices.envVar.set(device, name, value);
      await devices.tags.set(device, nodeTag, tag);
    },
    faultOf: (error) => asFault(sdk.errors, error, settings.maxRetryAfterS),
  };
}

const releaseFields = ['id', 'commit', 'raw_version'] as const;

async function fleetOf(sdk: BalenaSDK, slug: string, most: number): Promise<{ id: number; fleet: Fleet }> {
  const { id, should_be_running__release: tracks } = await sdk.models.application.get(slug, {
    $select: ['id'],
    $expand: { should_be_running__release: { $select: [...releaseFields] } },
  });
  // One request, where the model's own call asks for the application again.
  const releases = await sdk.pine.get({
    resource: 'release',
    options: {
      $select: [...releaseFields],
      $filter: { belongs_to__application: id, status: 'success', is_invalidated: false },
      $orderby: { created_at: 'desc' },
      $top: most,
    },
  });
  const known = releases.slice(0, most).flatMap((row) => releaseIn([row]) ?? []);
  return { id, fleet: { slug, tracks: releaseIn(tracks), releases: known } };
}

async function* devicesOf(sdk: BalenaSDK, fleet: number, slug: string): AsyncGenerator<Device[]> {
  for (let skip = 0; ; skip += pageRows) {
    const rows = await sdk.pine.get({
      resource: 'device',
      options: {
        $select: ['id', 'uuid', 'device_name', 'is_online', 'overall_status', 'overall_progress'],
        $filter: { belongs_to__application: fleet },
        $expand: {
          is_of__device_type: { $select: ['slug'] },
          is_running__release: { $select: [...releaseFields] },
          is_pinned_on__release: { $select: [...releaseFields] },
          device_tag: { $select: ['value'], $filter: { tag_key: nodeTag } },
          device_environment_variable: { $select: ['name'], $filter: { name: tokenVariable } },
        },
        $orderby: { id: 'asc' },
        $top: pageRows,
        $skip: skip,
      },
    });
    yield rows.slice(0, pageRows).flatMap((row) => deviceIn(row, slug) ?? []);
    if (rows.length < pageRows) return;
  }
}

interface Row {
  [field: string]: unknown;
}
const textIn = (value: unknown, most: number): string => (typeof value === 'string' ? value.slice(0, most) : '');
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const firstIn = (value: unknown): Row | null => (Array.isArray(value) && value[0] instanceof Object ? value[0] : null);

function releaseIn(value: unknown): Release | null {
  const row = firstIn(value);
  const commit = textIn(row?.commit, 64);
  if (!row || !isId(row.id) || !/^[0-9a-f]{7,64}$/.test(commit)) return null;
  const version = textIn(row.raw_version, 80);
  return { id: row.id, commit, name: /^\d/.test(version) ? version : commit.slice(0, shownCommitChars) };
}

function deviceIn(row: Row, fleet: string): Device | null {
  const { id, uuid, overall_status: status, overall_progress: progress } = row;
  if (!isId(id) || typeof uuid !== 'string' || !/^([0-9a-f]{32}|[0-9a-f]{62})$/.test(uuid)) return null;
  const percent = typeof progress === 'number' && progress >= 0 && progress <= 100 ? ` ${Math.round(progress)} %` : '';
  return {
    id,
    uuid,
    fleet,
    name: textIn(row.device_name, 100),
    type: textIn(firstIn(row.is_of__device_type)?.slug, 60),
    isOnline: row.is_online === true,
    status: `${textIn(status, 60)}${percent}`,
    release: releaseIn(row.is_running__release),
    pinned: releaseIn(row.is_pinned_on__release),
    tag: textIn(firstIn(row.device_tag)?.value, 100) || null,
    hasToken: firstIn(row.device_environment_variable) !== null,
  };
}
