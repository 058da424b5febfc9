// Hosts of their own on this machine, for tests of what crosses a network: a namespace each, all behind one router that
// loses what it is told to, without a word to either end. Needs root.
import { execFileSync } from 'node:child_process';

/** Those of the rules that lose packets, before the router looks for a way. */
const LOSING = '100';
/** Bits of the networks between the router and each of its neighbours. */
const LINK_BITS = 30;

export interface Lost {
  readonly from: string;
  readonly to: string;
  /** Of TCP; with neither, everything. */
  readonly fromPort?: number;
  readonly toPort?: number;
}

export class Network {
  static #made = 0;
  readonly #name: string;
  readonly #net: string;
  readonly #hosts: string[] = [];
  #losing = 0;

  /** @throws when this user may not make network namespaces */
  constructor(hosts: number) {
    Network.#made += 1;
    this.#name = `hf-${process.pid}-${Network.#made}`;
    // Apart from those of other test runs, and of what was removed just before and is not gone yet.
    this.#net = `10.${128 + ((process.pid >> 8) & 127)}.${(process.pid + Network.#made) & 255}`;
    try {
      this.#namespace('router');
      this.#join('router', 0, undefined);
      for (let n = 1; n <= hosts; n++) {
        this.#namespace(`${n}`);
        this.#hosts.push(`${this.#name}-${n}`);
        this.#join('router', n, `${n}`);
        ip('-n', `${this.#name}-${n}`, 'route', 'add', 'default', 'via', this.#address(n, 2));
      }
      ip('route', 'add', `${this.#net}.0/24`, 'via', this.#address(0, 2));
      this.#forward();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** This machine itself, as hosts see it. */
  get outside(): string {
    return this.#address(0, 1);
  }

  /** @param n from 1 */
  host(n: number): string {
    return this.#address(n, 1);
  }

  /** What a command is run with to be run on the host. */
  on(n: number): readonly string[] {
    const host = this.#hosts[n - 1] as string;
    // With a name of its own: of another host's processes nobody can see whether they live.
    return ['ip', 'netns', 'exec', host, 'unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', host];
  }

  /** From now on such packets are lost. */
  lose({ from, to, fromPort, toPort }: Lost): void {
    const ports = [...(fromPort === undefined ? [] : ['sport', `${fromPort}`])];
    if (toPort !== undefined) ports.push('dport', `${toPort}`);
    const which = ports.length === 0 ? [] : ['ipproto', 'tcp', ...ports];
    this.#router('rule', 'add', 'pref', LOSING, 'from', from, 'to', to, ...which, 'blackhole');
    this.#losing += 1;
  }

  /** Nothing is lost any more. */
  mend(): void {
    for (; this.#losing > 0; this.#losing -= 1) this.#router('rule', 'del', 'pref', LOSING);
  }

  /** The ports at which the host has TCP connections to there. */
  connections(n: number, to: string, port: number): number[] {
    const args = ['netns', 'exec', this.#hosts[n - 1] as string, 'ss', '-Htn', 'state', 'established'];
    const lines = execFileSync('ip', [...args, 'dst', `${to}:${port}`], { encoding: 'utf8' }).split('\n');
    return lines.flatMap((line) => /:(\d+)\s+\S+\s*$/.exec(line)?.[1] ?? []).map(Number);
  }

  remove(): void {
    for (const name of [...this.#hosts, `${this.#name}-router`]) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  }

  #namespace(name: string): void {
    ip('netns', 'add', `${this.#name}-${name}`);
    ip('-n', `${this.#name}-${name}`, 'link', 'set', 'dev', 'lo', 'up');
  }

  /** Links the router with a host, or with this machine itself. */
  #join(router: string, n: number, host: string | undefined): void {
    const there = host === undefined ? [] : ['-n', `${this.#name}-${host}`];
    const [near, far] = [`hf${process.pid}.${n}`, `to${n}`];
    ip(...there, 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', `${this.#name}-${router}`);
    ip(...there, 'addr', 'add', `${this.#address(n, 1)}/${LINK_BITS}`, 'dev', near);
    ip(...there, 'link', 'set', 'dev', near, 'up');
    this.#router('addr', 'add', `${this.#address(n, 2)}/${LINK_BITS}`, 'dev', far);
    this.#router('link', 'set', 'dev', far, 'up');
  }

  #forward(): void {
    const write = `require('node:fs').writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')`;
    ip('netns', 'exec', `${this.#name}-router`, process.execPath, '-e', write);
  }

  #router(...args: string[]): void {
    ip('-n', `${this.#name}-router`, ...args);
  }

  #address(n: number, end: 1 | 2): string {
    return `${this.#net}.${4 * n + end}`;
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
