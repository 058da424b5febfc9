// Which workers regions have, and which of them to ask: the addresses of the configuration, those that regions have told
// of themselves since, and who did not answer the last time. It sends nothing.
import type { Peer, RegionWorkers } from '../../cluster/gossip/index.ts';

interface Entry {
  /** From the configuration: a way in, whoever listens there now. */
  readonly seeds: readonly string[];
  told: RegionWorkers | undefined;
  /** The seeds and what was told, each address once; the latter first. */
  addresses: readonly string[];
  /** Counts the choices, so that all workers have their turn. */
  turn: number;
}

export class RegionDirectory {
  readonly #own: string;
  readonly #addressesMax: number;
  readonly #entries = new Map<string, Entry>();
  /** Addresses that did not answer the last time, in the order in which that was. */
  readonly #silent = new Set<string>();

  /** @param seeds addresses by region */
  constructor(own: string, seeds: ReadonlyMap<string, readonly string[]>, addressesMax: number) {
    this.#own = own;
    this.#addressesMax = addressesMax;
    for (const [region, addresses] of seeds) this.#entry(region, addresses);
  }

  /** The other regions that are known, sorted. */
  regions(): string[] {
    return [...this.#entries.keys()].filter((region) => region !== this.#own).sort();
  }

  knows(region: string): boolean {
    return region !== this.#own && this.#entries.has(region);
  }

  /** Takes in what a region tells of itself, unless something later is known. */
  learn(told: RegionWorkers): void {
    const entry = this.#entry(told.region, []);
    if (entry.told !== undefined && entry.told.version >= told.version) return;
    entry.told = told;
    const all = [...told.workers.map(({ address }) => address), ...entry.seeds];
    entry.addresses = [...new Set(all)].slice(0, this.#addressesMax);
    this.#forgetStrangers();
  }

  /** The region's workers as it told last; none before that. */
  workersOf(region: string): RegionWorkers['workers'] {
    return this.#entries.get(region)?.told?.workers ?? [];
  }

  /** All addresses at which the region may be reached. */
  addressesOf(region: string): readonly string[] {
    return this.#entries.get(region)?.addresses ?? [];
  }

  /** All workers of all regions but this very one. */
  peers(self: string): Peer[] {
    const peers: Peer[] = [];
    for (const [region, { addresses }] of this.#entries) {
      for (const address of addresses) {
        if (address !== self) peers.push({ address, region, isSilent: this.#silent.has(address) });
      }
    }
    return peers;
  }

  answered(address: string): void {
    this.#silent.delete(address);
  }

  failed(address: string): void {
    this.#silent.delete(address);
    if (this.#isKnown(address)) this.#silent.add(address);
  }

  isSilent(address: string): boolean {
    return this.#silent.has(address);
  }

  /** Nobody of the region answered the last time. */
  isUnreachable(region: string): boolean {
    return this.addressesOf(region).every((address) => this.#silent.has(address));
  }

  /**
   * The address to ask next: the preferred worker's if it answers, else one that does, in turn, else the one that has
   * been silent the longest.
   * @param preferred a worker's name
   * @param tried an address not to be chosen while there is another
   */
  choose(region: string, preferred: string | undefined, tried: string | undefined): string | undefined {
    const entry = this.#entries.get(region);
    if (entry === undefined) return undefined;
    const wanted = entry.told?.workers.find(({ id }) => id === preferred)?.address;
    if (wanted !== undefined && wanted !== tried && !this.#silent.has(wanted)) return wanted;
    const others = entry.addresses.filter((address) => address !== tried);
    const live = others.filter((address) => !this.#silent.has(address));
    if (live.length > 0) {
      entry.turn += 1;
      return live[entry.turn % live.length];
    }
    for (const address of this.#silent) if (others.includes(address)) return address;
    return tried;
  }

  #entry(region: string, seeds: readonly string[]): Entry {
    const known = this.#entries.get(region);
    if (known !== undefined) return known;
    const addresses = [...new Set(seeds)].slice(0, this.#addressesMax);
    const entry = { seeds: addresses, told: undefined, addresses, turn: 0 };
    this.#entries.set(region, entry);
    return entry;
  }

  #isKnown(address: string): boolean {
    for (const { addresses } of this.#entries.values()) if (addresses.includes(address)) return true;
    return false;
  }

  #forgetStrangers(): void {
    for (const address of this.#silent) if (!this.#isKnown(address)) this.#silent.delete(address);
  }
}
