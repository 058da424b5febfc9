// Installs missing test programs through the system's package manager, where this user may without being asked for a
// password. Says what it runs. Leaves no service running: tests start servers of their own.
import { spawnSync } from 'node:child_process';
import { onPath, type PackageManager, type Tool } from './tools.ts';

const INSTALL_TIMEOUT_MS = 10 * 60_000;
const MANAGERS: readonly PackageManager[] = ['apt-get', 'dnf', 'apk', 'brew'];

/**
 * Debian starts a service as soon as its package is installed, unless policy-rc.d says 101. A policy of the system's
 * own is left as it is.
 */
const APT_INSTALL = `
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
apt-get -qq update
apt-get -qq install -y --no-install-recommends "$@"
`;

/** The command a person would type to install these; undefined where no known package manager is here. */
export function installCommand(tools: readonly Tool[]): string | undefined {
  const manager = packageManager();
  if (manager === undefined) return undefined;
  const packages = packagesOf(tools, manager).join(' ');
  switch (manager) {
    case 'apt-get':
      return `sudo apt-get update && sudo apt-get install -y ${packages}`;
    case 'dnf':
      return `sudo dnf install -y ${packages}`;
    case 'apk':
      return `sudo apk add ${packages}`;
    case 'brew':
      return `brew install ${packages}`;
    default:
      return manager satisfies never;
  }
}

/** Tries to install; what came of it shows in whether the programs are there afterwards. `say` gets a line a step. */
export function tryInstall(tools: readonly Tool[], say: (line: string) => void): void {
  const manager = packageManager();
  if (manager === undefined) return say('no package manager that these tests know (apt-get, dnf, apk, brew)');
  const asRoot = manager === 'brew' ? [] : becomeRoot();
  if (asRoot === undefined) return say('not root, and sudo asks for a password: nothing is installed');
  const packages = packagesOf(tools, manager);
  say(`installing ${packages.join(' ')} with ${manager}; this can take some minutes`);
  const [program = '', ...args] = [...asRoot, ...steps(manager, packages)];
  const { status, error, stderr } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
  });
  if (status !== 0) say(`${manager} failed: ${error?.message ?? stderr.trim().slice(-2_000)}`);
}

function steps(manager: PackageManager, packages: readonly string[]): string[] {
  switch (manager) {
    case 'apt-get':
      return ['sh', '-c', APT_INSTALL, 'install', ...packages];
    case 'dnf':
      return ['dnf', 'install', '-y', '-q', ...packages];
    case 'apk':
      return ['apk', 'add', '--quiet', ...packages];
    case 'brew':
      return ['sh', '-c', packages.map((name) => `brew install ${name}`).join(' && ')];
    default:
      return manager satisfies never;
  }
}

function packagesOf(tools: readonly Tool[], manager: PackageManager): string[] {
  return [...new Set(tools.map((tool) => tool.packages[manager]))];
}

function packageManager(): PackageManager | undefined {
  return MANAGERS.find((manager) => onPath(manager) !== undefined);
}

/** What to put before a command so that root runs it; undefined where that needs a password. */
function becomeRoot(): string[] | undefined {
  if (process.getuid?.() === 0) return [];
  const mayBecome = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return mayBecome ? ['sudo', '-n'] : undefined;
}
