// Judges pooled stock over all regions, batch by batch as they became durable: what each region sold is what it was
// entitled to, and what all have, what is on its way and what was sold is what was minted (I14). The figures are the naive
// model's, which shares no code with the core or the escrow.
import { NaiveModel } from '../../node/core/testing/naive-model.ts';
import { type MutatingRequest, POOL_NODE } from '../../protocol/index.ts';
import type { Violation } from './history.ts';
import type { JournaledEvent } from './journal.ts';
import type { Landed } from './landed.ts';
import type { Isolation, RegionsHistory } from './regions-history.ts';

/** One region's part, units. */
interface Part {
  readonly minted: number;
  readonly rights: number;
  readonly consumed: number;
  readonly shortfall: number;
  readonly given: Readonly<Record<string, number>>;
  readonly taken: Readonly<Record<string, number>>;
}

/** What a region that is cut off may have sold at most: so much, and what is minted there meanwhile. */
interface Allowance {
  readonly isolation: Isolation;
  readonly region: string;
  readonly sku: string;
  readonly units: number;
  readonly minted: number;
}

const NO_PART: Part = { minted: 0, rights: 0, consumed: 0, shortfall: 0, given: {}, taken: {} };

export interface PoolEnd {
  readonly minted: number;
  readonly consumed: number;
  /** Transfers of rights that were credited. */
  readonly credits: number;
}

export function checkPools(
  landed: readonly Landed[],
  history: RegionsHistory,
  pooled: readonly string[],
  violations: Violation[],
): PoolEnd {
  const ledger = new Ledger(history, pooled, violations);
  for (const batch of landed) ledger.take(batch);
  return ledger.end();
}

/** Whether a region found that it had given more than it knew, which cannot be: no journal has lost anything. */
export function hasConceded(events: readonly JournaledEvent[], region: string, violations: Violation[]): boolean {
  const found = events.find(({ event }) => event.type === 'conceded');
  if (found === undefined) return false;
  violations.push({ invariant: 'I14', text: `${region} conceded rights of ${found.sku} at seq ${found.seq}` });
  return true;
}

class Ledger {
  readonly #violations: Violation[];
  readonly #requests = new Map<string, MutatingRequest>();
  readonly #models = new Map<string, NaiveModel>();
  readonly #parts = new Map<string, Part>();
  readonly #regions: readonly string[];
  readonly #pooled: ReadonlySet<string>;
  readonly #isolations: Isolation[];
  #allowances: Allowance[] = [];
  /** Skus whose figures are wrong: said once. */
  readonly #wrong = new Set<string>();
  #credits = 0;

  constructor(history: RegionsHistory, pooled: readonly string[], violations: Violation[]) {
    this.#violations = violations;
    this.#regions = [...history.regions.keys()];
    this.#pooled = new Set(pooled);
    this.#isolations = [...history.isolations].sort((left, right) => left.from - right.from);
    for (const { request } of history.asked) {
      if ('requestId' in request && ('ref' in request || 'sku' in request))
        this.#requests.set(request.requestId, request);
    }
  }

  take({ region, at, events }: Landed): void {
    while ((this.#isolations[0]?.from ?? Number.POSITIVE_INFINITY) <= at) this.#isolated();
    const changed = new Set<string>();
    for (const event of events) {
      if (!this.#pooled.has(event.sku)) continue;
      this.#apply(region, event);
      changed.add(event.sku);
    }
    for (const sku of changed) {
      const model = this.#models.get(`${region}/${sku}`);
      if (model !== undefined) this.#parts.set(`${region}/${sku}`, partOf(model));
      if (!this.#wrong.has(sku)) this.#check(sku, region, at);
    }
  }

  #apply(region: string, { sku, event }: JournaledEvent): void {
    const key = `${region}/${sku}`;
    const model = this.#models.get(key) ?? new NaiveModel(sku, region);
    this.#models.set(key, model);
    // See hasConceded.
    if (event.type === 'conceded') return;
    if (event.type === 'expired') model.expire(event.at);
    else if (event.type === 'credited') {
      this.#credits += 1;
      model.move('credited', event.from, event.total);
    } else if (event.type === 'transferred' && event.cause === undefined) {
      model.move('transferred', event.to, event.total);
    } else {
      const requestId = event.type === 'transferred' ? (event.cause?.requestId ?? '') : event.requestId;
      const request = this.#requests.get(requestId);
      // Nobody's request, or one decided otherwise, is told by checkHistory.
      if (request !== undefined) model.execute(request, event.at, event.epoch);
    }
  }

  #check(sku: string, region: string, at: number): void {
    const when = `${sku} at ${at.toFixed(3)} ms, after a batch of ${region}`;
    let minted = 0;
    let consumed = 0;
    let held = 0;
    for (const name of this.#regions) {
      const part = this.#part(name, sku);
      minted += part.minted;
      consumed += part.consumed;
      held += part.rights - part.shortfall;
      const balance = part.minted + sum(part.taken) - sum(part.given);
      if (part.consumed > balance)
        this.#say(sku, `${when}: ${name} sold ${part.consumed} of the ${balance} units it had`);
    }
    let inFlight = 0;
    for (const from of this.#regions) {
      for (const to of this.#regions) {
        const moving = this.#inFlight(sku, from, to);
        if (moving < 0) this.#say(sku, `${when}: ${to} was credited ${-moving} units that ${from} had not given`);
        inFlight += moving;
      }
    }
    if (consumed > minted) this.#say(sku, `${when}: ${consumed} units sold of ${minted} minted`);
    if (held + inFlight + consumed !== minted) {
      this.#say(
        sku,
        `${when}: ${held} held, ${inFlight} on their way and ${consumed} sold are not the ${minted} minted`,
      );
    }
    for (const { isolation, region: name, units, minted: before, ...allowed } of this.#allowances) {
      if (allowed.sku !== sku || name !== region || at > isolation.to) continue;
      const part = this.#part(region, sku);
      const most = units + part.minted - before;
      if (part.consumed > most) this.#say(sku, `${when}: cut off, it sold ${part.consumed} units of ${most}`);
    }
  }

  /** From now on the region sells what it holds, and what had been given to it before. */
  #isolated(): void {
    const isolation = this.#isolations.shift() as Isolation;
    const { region } = isolation;
    this.#allowances = this.#allowances.filter(({ isolation: { to } }) => to > isolation.from);
    for (const sku of this.#pooled) {
      const { rights, consumed, minted } = this.#part(region, sku);
      let units = rights + consumed;
      for (const other of this.#regions) units += this.#inFlight(sku, other, region);
      this.#allowances.push({ isolation, region, sku, units, minted });
    }
  }

  /** R[from][to] at its donor less what the other has credited, units. */
  #inFlight(sku: string, from: string, to: string): number {
    return (this.#part(from, sku).given[to] ?? 0) - (this.#part(to, sku).taken[from] ?? 0);
  }

  end(): PoolEnd {
    let minted = 0;
    let consumed = 0;
    for (const sku of this.#pooled) {
      for (const region of this.#regions) {
        const part = this.#part(region, sku);
        minted += part.minted;
        consumed += part.consumed;
      }
    }
    return { minted, consumed, credits: this.#credits };
  }

  #part(region: string, sku: string): Part {
    return this.#parts.get(`${region}/${sku}`) ?? NO_PART;
  }

  #say(sku: string, text: string): void {
    this.#wrong.add(sku);
    this.#violations.push({ invariant: 'I14', text });
  }
}

/** Nothing before there is a pool: what the node has by then is minted with it. */
function partOf(model: NaiveModel): Part {
  const node = model.nodes.find(({ name }) => name === POOL_NODE);
  if (model.pool === undefined || node === undefined) return NO_PART;
  const [reserved, allocated] = model.promised(node);
  const shipped = sum(
    model.reservations.flatMap(({ parts }) => parts).map((p) => (p.node === POOL_NODE ? p.shipped : 0)),
  );
  const { minted, given, taken } = model.pool;
  return {
    minted,
    rights: model.rights(),
    consumed: reserved + allocated + shipped,
    shortfall: node.shortfall,
    given: { ...given },
    taken: { ...taken },
  };
}

function sum(of: Readonly<Record<string, number>> | readonly number[]): number {
  return Object.values(of).reduce((total, units) => total + units, 0);
}
