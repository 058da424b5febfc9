// Before any test: the programs that tests need are there, or are installed, or the run ends saying what to install.
// Nothing is mocked and nothing is skipped for want of a program.
import { Redis } from 'ioredis';
import { installCommand, tryInstall } from './install.ts';
import { findTool, TOOLS } from './tools.ts';

const REDIS_CONNECT_TIMEOUT_MS = 5_000;

/** Vitest calls it once for each project that has tests to run; the second finds all in place. */
export async function setup(): Promise<void> {
  ensureTools();
  await ensureRedisUrl();
}

function ensureTools(): void {
  const isMissing = (tool: (typeof TOOLS)[number]): boolean => findTool(tool) === undefined;
  const absent = TOOLS.filter(isMissing);
  if (absent.length === 0) return;
  const say = (line: string): void => console.log(`test setup: ${line}`);
  say(`${absent.map((tool) => tool.name).join(', ')} not found on the PATH`);
  tryInstall(absent, say);
  const missing = absent.filter(isMissing);
  if (missing.length === 0) return;
  const list = missing.map((tool) => `  ${tool.name}: ${tool.neededFor}`).join('\n');
  const command = installCommand(missing);
  const remedy = command === undefined ? 'Install them so that they are on the PATH' : `Install them: ${command}`;
  throw new Error(`The tests need programs that are not here:\n${list}\n${remedy}`);
}

/** REDIS_URL, where it is set, is the server that the journal's tests use. */
async function ensureRedisUrl(): Promise<void> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return;
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: REDIS_CONNECT_TIMEOUT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let cause: unknown;
  client.on('error', (error) => {
    cause = error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new Error(`REDIS_URL is set and no Redis answers there: ${cause ?? error}. Start it, or unset REDIS_URL.`);
  } finally {
    client.disconnect();
  }
}
