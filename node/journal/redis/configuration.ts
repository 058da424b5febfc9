// Whether a Redis server is set up to keep what it acknowledges: refuses settings that break the durability asked for,
// and says what could not be verified. Asked at every connection, since another server may answer next time.
import type { Redis } from 'ioredis';
import type { Durability } from '../../../protocol/index.ts';
import { StoreMisconfigured } from '../port.ts';

/** XTRIM MINID came with it. */
const VERSION_MIN = '6.2';

interface Requirement {
  readonly setting: string;
  readonly value: string;
  readonly because: string;
}

const NO_EVICTION: Requirement = {
  setting: 'maxmemory-policy',
  value: 'noeviction',
  because: 'an evicted key is a lost journal or a forgotten epoch',
};

const FSYNC: readonly Requirement[] = [
  {
    setting: 'appendonly',
    value: 'yes',
    because: 'without the append-only file a restart forgets what was acknowledged',
  },
  {
    setting: 'appendfsync',
    value: 'always',
    because: 'otherwise a crash forgets the last second of what was acknowledged',
  },
  {
    setting: 'no-appendfsync-on-rewrite',
    value: 'no',
    because: 'otherwise nothing is synced while the file is rewritten',
  },
];

/**
 * @returns what could not be verified, one sentence each
 * @throws StoreMisconfigured naming the setting, its value and the command that sets it
 */
export async function checkConfiguration(client: Redis, durability: Durability, address: string): Promise<string[]> {
  const server = parseInfo(await client.info('server'));
  const version = server.get('redis_version') ?? '';
  if (isOlder(version, VERSION_MIN)) {
    throw new StoreMisconfigured(`Redis at ${address} is version ${version}; ${VERSION_MIN} or later is needed`);
  }
  const requirements = durability === 'memory' ? [NO_EVICTION] : [NO_EVICTION, ...FSYNC];
  const unverified: string[] = [];
  for (const requirement of requirements) {
    const found = await settingOf(client, requirement.setting);
    if (found === undefined) {
      const { setting, value, because } = requirement;
      unverified.push(`Redis at ${address} does not let us read ${setting}; make sure it is ${value}: ${because}`);
    } else if (found !== requirement.value) {
      throw new StoreMisconfigured(refusal(requirement, found, durability, address));
    }
  }
  return unverified;
}

function refusal({ setting, value, because }: Requirement, found: string, durability: Durability, address: string) {
  const separator = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, separator), address.slice(separator + 1)];
  return (
    `Redis at ${address} has ${setting} ${found}, and durability ${durability} needs ${value}: ${because}. ` +
    `Set it with: redis-cli -h ${host} -p ${port} CONFIG SET ${setting} ${value} — and in redis.conf, for the next start`
  );
}

/** CONFIG where it is allowed, else INFO, which knows two of them; undefined when neither tells. */
async function settingOf(client: Redis, setting: string): Promise<string | undefined> {
  try {
    const reply = (await client.call('CONFIG', 'GET', setting)) as string[];
    return reply[1];
  } catch (error) {
    if (!/unknown (sub)?command|NOPERM|not allowed|disabled/i.test(String(error))) throw error;
  }
  if (setting === 'maxmemory-policy') return parseInfo(await client.info('memory')).get('maxmemory_policy');
  if (setting !== 'appendonly') return undefined;
  const enabled = parseInfo(await client.info('persistence')).get('aof_enabled');
  return enabled === undefined ? undefined : enabled === '1' ? 'yes' : 'no';
}

export function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin = 0, minorMin = 0] = than.split('.').map(Number);
  return major < majorMin || (major === majorMin && minor < minorMin);
}
