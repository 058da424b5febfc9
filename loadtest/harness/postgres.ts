// A PostgreSQL server for one measurement: found where distributions put it, on an empty cluster, durable as it is by default.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort, type Service, startService } from './processes.ts';

/** Debian's and Red Hat's; elsewhere the PATH. */
const ROOTS = ['/usr/lib/postgresql', '/usr/pgsql'];
/** Who runs the server where the harness is root, which PostgreSQL refuses to run as. */
const USER = 'postgres';

/** The folder of initdb and postgres; undefined: not installed. */
export function postgresBin(): string | undefined {
  for (const root of ROOTS.filter(existsSync)) {
    const newest = readdirSync(root).sort((a, b) => Number(b) - Number(a));
    const found = newest.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
    if (found !== undefined) return found;
  }
  const onPath = spawnSync('sh', ['-c', 'dirname "$(command -v initdb)"'], { encoding: 'utf8' }).stdout.trim();
  return onPath !== '.' && existsSync(join(onPath, 'postgres')) ? onPath : undefined;
}

/** @throws Error with what initdb said */
export async function startPostgres(dir: string): Promise<{ service: Service; port: number }> {
  const bin = postgresBin();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const data = resolve(dir, 'postgres');
  mkdirSync(data);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    chownSync(dir, idOf('-u'), idOf('-g'));
    chownSync(data, idOf('-u'), idOf('-g'));
  }
  // setpriv becomes the program it is given, so that a signal to the service reaches the server.
  const as = isRoot ? ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] : [];
  const [command = '', ...args] = [
    ...as,
    join(bin, 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
  ];
  const made = spawnSync(command, args, { encoding: 'utf8', cwd: '/' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
    shared_buffers: '512MB',
    // Checkpoints come in production as well, but not in every window of some seconds.
    max_wal_size: '8GB',
    checkpoint_timeout: '15min',
    max_connections: 64,
  };
  const flags = Object.entries(settings).map(([name, value]) => `-c '${name}=${value}'`);
  const server = `exec ${[...as, join(bin, 'postgres'), '-D', `'${data}'`, ...flags].join(' ')} 2>&1`;
  const service = await startService('postgres', 'sh', ['-c', `cd / && ${server}`], 'ready to accept connections');
  return { service, port };
}

function idOf(which: '-u' | '-g'): number {
  return Number(spawnSync('id', [which, USER], { encoding: 'utf8' }).stdout);
}
