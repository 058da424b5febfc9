// Adds to package-lock.json the optional packages of other platforms that a partial registry mirror did not know when
// the lockfile was written: npm ci refuses a lockfile that lacks them. Their parents pin exact versions; what platform
// each is for, its name says. They get no integrity, since it is not known here; a run of `npm install` against the
// full registry adds it. Run it after `npm install` where `npm ci` says "Missing: … from lock file".
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPUS = ['arm64', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'arm'];

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const added = [];
for (const [place, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (`node_modules/${name}` in lock.packages || `${place}/node_modules/${name}` in lock.packages) continue;
    const parts = name.split('/').pop().split('-');
    const os = SYSTEMS.filter((system) => parts.includes(system));
    const cpu = CPUS.filter((kind) => parts.includes(kind));
    if (!/^\d+\.\d+\.\d+$/.test(version) || os.length !== 1 || cpu.length !== 1) {
      throw new Error(`${name}@${version}, wanted by ${place}, says no version or platform`);
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu,
      ...(parent.dev && { dev: true }),
      ...(os[0] === 'linux' && { libc: [parts.at(-1).startsWith('musl') ? 'musl' : 'glibc'] }),
      license: parent.license,
      optional: true,
      os,
    };
    added.push(`${name}@${version}`);
  }
}
if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
}
console.log(added.length === 0 ? 'the lockfile is complete' : `added ${added.join(' ')}`);
