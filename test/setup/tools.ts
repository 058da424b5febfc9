// The programs beside Node that tests run: where each is found, and what its package is called. Installs nothing.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type ToolName =
  | 'redis-server'
  | 'prometheus'
  | 'promtool'
  | 'chromium'
  | 'openssl'
  | 'strace'
  | 'faketime'
  | 'ip';

export type PackageManager = 'apt-get' | 'dnf' | 'apk' | 'brew';

export interface Tool {
  readonly name: ToolName;
  readonly neededFor: string;
  /** Names it goes by on the PATH, and places where it is besides. */
  readonly commands: readonly string[];
  readonly packages: Readonly<Record<PackageManager, string>>;
}

const EVERYWHERE: readonly Tool[] = [
  {
    name: 'redis-server',
    neededFor: 'the journal on Redis, and what happens when Redis is stopped, full or read-only',
    commands: ['redis-server'],
    packages: { 'apt-get': 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' },
  },
  {
    name: 'prometheus',
    neededFor: 'scraping /metrics',
    commands: ['prometheus'],
    packages: { 'apt-get': 'prometheus', dnf: 'golang-github-prometheus', apk: 'prometheus', brew: 'prometheus' },
  },
  {
    name: 'promtool',
    neededFor: 'checking the names of the metrics',
    commands: ['promtool'],
    packages: { 'apt-get': 'prometheus', dnf: 'golang-github-prometheus', apk: 'prometheus', brew: 'prometheus' },
  },
  {
    name: 'chromium',
    neededFor: 'the SDK in a browser',
    commands: [
      'chromium',
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
    packages: { 'apt-get': 'chromium', dnf: 'chromium', apk: 'chromium', brew: '--cask chromium' },
  },
  {
    name: 'openssl',
    neededFor: 'certificates for the links between workers',
    commands: ['openssl'],
    packages: { 'apt-get': 'openssl', dnf: 'openssl', apk: 'openssl', brew: 'openssl' },
  },
];

const ON_LINUX: readonly Tool[] = [
  {
    name: 'strace',
    neededFor: 'seeing that the journal is synced to disk before it is acknowledged',
    commands: ['strace'],
    packages: { 'apt-get': 'strace', dnf: 'strace', apk: 'strace', brew: 'strace' },
  },
  {
    name: 'faketime',
    neededFor: 'a wall clock that jumps under a running worker',
    commands: ['faketime'],
    packages: { 'apt-get': 'faketime', dnf: 'libfaketime', apk: 'libfaketime', brew: 'libfaketime' },
  },
  {
    name: 'ip',
    neededFor: 'several hosts on one machine, and links between them that are cut',
    commands: ['ip', '/usr/sbin/ip', '/sbin/ip'],
    packages: { 'apt-get': 'iproute2', dnf: 'iproute', apk: 'iproute2', brew: 'iproute2mac' },
  },
];

/** What this system's tests need. */
export const TOOLS: readonly Tool[] = process.platform === 'linux' ? [...EVERYWHERE, ...ON_LINUX] : EVERYWHERE;

/** The program's path; undefined where there is none. */
export function findTool(tool: Tool): string | undefined {
  for (const command of tool.commands) {
    const path = command.startsWith('/') ? (isExecutable(command) ? command : undefined) : onPath(command);
    if (path !== undefined) return path;
  }
  return undefined;
}

/**
 * The path of a program that the global setup has made sure of.
 * @throws when it is gone since
 */
export function toolPath(name: ToolName): string {
  const tool = TOOLS.find((candidate) => candidate.name === name);
  const path = tool && findTool(tool);
  if (path === undefined)
    throw new Error(`${name} is not on the PATH; run the tests with npm test, which looks for it`);
  return path;
}

/** The path of a command on the PATH. */
export function onPath(command: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, command)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
