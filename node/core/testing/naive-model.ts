// The inventory actor once more, as simply as it can be written: lists of objects, every total added up anew on each
// request, every unit counted one by one. Written from the rules, sharing no code with the core; the tests compare both.
import type {
  AdjustRequest,
  CommitRequest,
  ConfigureRequest,
  ExtendRequest,
  MutatingRequest,
  Outcome,
  PoolRequest,
  ReleaseRequest,
  ReserveRequest,
  ShipRequest,
  TransferRequest,
} from '../../../protocol/index.ts';

const WINDOW_MS = 900_000;

interface NaiveNode {
  name: string;
  onHand: number;
  shortfall: number;
  safetyStock: number;
  backorderLimit: number;
}

interface NaivePool {
  regions: string[];
  minted: number;
  given: Record<string, number>;
  taken: Record<string, number>;
}

interface NaiveReservation {
  no: number;
  epoch: number;
  askedQty: number;
  /** `back`: stayed in the house after all. */
  parts: { node: string; given: number; qty: number; shipped: number; back: number }[];
  owner: string | undefined;
  channel: string | undefined;
  order: string | undefined;
  state: 'RESERVED' | 'COMMITTED' | 'RELEASED' | 'EXPIRED';
  expiresAt: number;
  endedAt: number | undefined;
}

interface Remembered {
  body: string;
  at: number;
  outcome: Comparable;
}

/** What of an outcome is compared: messages are left out. */
export type Comparable = Record<string, unknown>;

export class NaiveModel {
  seq = 0;
  nodes: NaiveNode[] = [];
  reservations: NaiveReservation[] = [];
  buffers: Record<string, number> = {};
  limit = 0;
  bought: Record<string, number> = {};
  pool: NaivePool | undefined;
  remembered = new Map<string, Remembered>();
  readonly sku: string;
  readonly region: string;

  constructor(sku: string, region: string) {
    this.sku = sku;
    this.region = region;
  }

  live(): NaiveReservation[] {
    return this.reservations.filter((r) => r.state === 'RESERVED' || r.state === 'COMMITTED');
  }

  /** Units promised at the node: [reserved, allocated]. */
  promised(node: NaiveNode): [number, number] {
    let reserved = 0;
    let allocated = 0;
    for (const r of this.live()) {
      for (const part of r.parts) {
        if (part.node !== node.name) continue;
        if (r.state === 'RESERVED') reserved += part.qty;
        else allocated += openOf(part);
      }
    }
    return [reserved, allocated];
  }

  free(node: NaiveNode): number {
    const [reserved, allocated] = this.promised(node);
    return Math.max(0, node.onHand + node.backorderLimit - node.safetyStock - reserved - allocated);
  }

  openUnits(match: (r: NaiveReservation) => boolean): number {
    return this.live()
      .filter(match)
      .flatMap((r) => r.parts)
      .reduce((sum, part) => sum + openOf(part), 0);
  }

  availableFor(channel: string | undefined): number {
    let available = this.nodes.reduce((sum, node) => sum + this.free(node), 0);
    for (const [name, buffer] of Object.entries(this.buffers)) {
      if (name !== channel) available -= Math.max(0, buffer - this.openUnits((r) => r.channel === name));
    }
    return Math.max(0, available);
  }

  /** Ends what is due. */
  expire(now: number): void {
    const due = this.reservations.filter((r) => r.state === 'RESERVED' && !r.order && r.expiresAt <= now);
    if (due.length === 0) return;
    this.seq += 1;
    for (const r of due) {
      r.state = 'EXPIRED';
      r.endedAt = now;
    }
    this.settle();
  }

  /** Writes shortfalls off, unit by unit, as far as what is promised allows. */
  settle(): void {
    for (const node of this.nodes) {
      const [reserved, allocated] = this.promised(node);
      while (node.shortfall > 0 && node.onHand > 0 && node.onHand > reserved + allocated - node.backorderLimit) {
        node.onHand -= 1;
        node.shortfall -= 1;
      }
    }
  }

  execute(request: MutatingRequest, now: number, epoch: number): Comparable {
    const body = JSON.stringify(request);
    const known = this.remembered.get(request.requestId);
    if (known !== undefined && now - known.at <= 2 * WINDOW_MS) {
      if (now - known.at > WINDOW_MS) return { ok: false, code: 'IDEMPOTENCY_EXPIRED' };
      if (known.body !== body) return { ok: false, code: 'IDEMPOTENCY_CONFLICT' };
      return { ...known.outcome, replayed: true };
    }
    this.expire(now);
    const outcome = this.decide(request, now, epoch);
    const code = outcome.code as string | undefined;
    if (code === undefined || ['INSUFFICIENT_STOCK', 'LIMIT_EXCEEDED', 'RESERVATION_ENDED'].includes(code)) {
      this.remembered.set(request.requestId, { body, at: now, outcome });
    }
    return outcome;
  }

  /** Units of the pool's node that nobody was promised. */
  rights(): number {
    const node = this.nodes.find((n) => n.name === 'pool');
    if (node === undefined) return 0;
    const [reserved, allocated] = this.promised(node);
    return Math.max(0, node.onHand - reserved - allocated);
  }

  /** A row says that `from` has given `given` and was credited `seen`. */
  learn(from: string, given: number, seen: number): void {
    if (seen > (this.pool?.given[from] ?? 0)) this.move('conceded', from, seen);
    if (given > (this.pool?.taken[from] ?? 0)) this.move('credited', from, given);
  }

  /** One of the events of a pool: the total between here and `region` is `total` now. */
  move(type: 'transferred' | 'credited' | 'conceded', region: string, total: number): void {
    const { pool } = this;
    const node = this.nodes.find((n) => n.name === 'pool');
    if (pool === undefined || node === undefined) throw new Error('there is no pool');
    this.seq += 1;
    const totals = type === 'credited' ? pool.taken : pool.given;
    for (let i = totals[region] ?? 0; i < total; i++) {
      if (type === 'transferred') node.onHand -= 1;
      else if (type === 'credited' && node.shortfall > 0) node.shortfall -= 1;
      else if (type === 'credited') node.onHand += 1;
      else if (this.rights() > 0) node.onHand -= 1;
      else node.shortfall += 1;
    }
    totals[region] = total;
  }

  private makePool(request: PoolRequest, epoch: number): Comparable {
    const node = this.nodes.find((n) => n.name === 'pool');
    if (node !== undefined && node.safetyStock + node.backorderLimit > 0) return this.refuse('BAD_REQUEST');
    this.seq += 1;
    const shipped = this.reservations
      .flatMap((r) => r.parts)
      .reduce((sum, part) => sum + (part.node === 'pool' ? part.shipped : 0), 0);
    const { onHand, shortfall } = node ?? this.newNode('pool');
    this.pool ??= { regions: [], minted: onHand + shipped - shortfall, given: {}, taken: {} };
    this.pool.regions = request.regions.filter((name) => name !== this.region);
    return this.accept(epoch, { availableToSell: this.availableFor(undefined) });
  }

  private transfer(request: TransferRequest, epoch: number): Comparable {
    const { pool } = this;
    if (this.seq === 0) return this.refuse('NOT_FOUND');
    if (pool === undefined || !pool.regions.includes(request.to)) return this.refuse('BAD_REQUEST');
    if (request.qty > this.rights()) return this.refuse('INSUFFICIENT_STOCK');
    const given = (pool.given[request.to] ?? 0) + request.qty;
    this.move('transferred', request.to, given);
    return this.accept(epoch, { given, rights: this.rights(), availableToSell: this.availableFor(undefined) });
  }

  private refuse(code: string, more: Comparable = {}): Comparable {
    if (['INSUFFICIENT_STOCK', 'LIMIT_EXCEEDED', 'RESERVATION_ENDED'].includes(code)) this.seq += 1;
    return { ok: false, code, ...more };
  }

  private accept(epoch: number, fields: Comparable): Comparable {
    return { ok: true, ...fields, version: { epoch, seq: this.seq } };
  }

  private decide(request: MutatingRequest, now: number, epoch: number): Comparable {
    if (request.op === 'reserve') return this.reserve(request, now, epoch);
    if (request.op === 'adjust') return this.adjust(request, epoch);
    if (request.op === 'configure') return this.configure(request, epoch);
    if (request.op === 'pool') return this.makePool(request, epoch);
    if (request.op === 'transfer') return this.transfer(request, epoch);
    return this.act(request, now, epoch);
  }

  private adjust(request: AdjustRequest, epoch: number): Comparable {
    const isPooled = this.pool !== undefined && request.node === 'pool';
    if (isPooled && request.onHand !== undefined) return this.refuse('BAD_REQUEST');
    const node = this.nodes.find((n) => n.name === request.node);
    if (request.onHand === undefined && (request.delta as number) < 0) {
      if (node === undefined) return this.refuse('NOT_FOUND');
      const [reserved, allocated] = this.promised(node);
      const after = node.onHand + (request.delta as number);
      if (after < 0 || after + node.backorderLimit < reserved + allocated) return this.refuse('INSUFFICIENT_STOCK');
    }
    this.seq += 1;
    const target = node ?? this.newNode(request.node);
    if (request.onHand !== undefined) {
      const [reserved, allocated] = this.promised(target);
      target.onHand = Math.max(request.onHand, reserved + allocated - target.backorderLimit, 0);
      target.shortfall = target.onHand - request.onHand;
    } else {
      for (let i = 0; i < (request.delta as number); i++) {
        if (target.shortfall > 0) target.shortfall -= 1;
        else target.onHand += 1;
      }
      if ((request.delta as number) < 0) target.onHand += request.delta as number;
      if (isPooled && this.pool !== undefined) this.pool.minted += request.delta as number;
    }
    return this.accept(epoch, {
      onHand: target.onHand,
      availableToSell: this.availableFor(undefined),
      ...(target.shortfall > 0 ? { shortfall: target.shortfall } : {}),
    });
  }

  private configure(request: ConfigureRequest, epoch: number): Comparable {
    const node = this.nodes.find((n) => n.name === request.node);
    const keepsBack = (request.safetyStock ?? 0) + (request.backorderLimit ?? 0) > 0;
    if (this.pool !== undefined && request.node === 'pool' && keepsBack) return this.refuse('BAD_REQUEST');
    if (node !== undefined && request.backorderLimit !== undefined) {
      const [reserved, allocated] = this.promised(node);
      if (node.onHand + request.backorderLimit < reserved + allocated) return this.refuse('INSUFFICIENT_STOCK');
    }
    this.seq += 1;
    if (request.node !== undefined) {
      const target = node ?? this.newNode(request.node);
      target.safetyStock = request.safetyStock ?? target.safetyStock;
      target.backorderLimit = request.backorderLimit ?? target.backorderLimit;
    }
    if (request.channelBuffers !== undefined) this.buffers = { ...request.channelBuffers };
    if (request.limitPerOwner !== undefined) {
      this.limit = request.limitPerOwner;
      if (this.limit === 0) this.bought = {};
    }
    this.settle();
    return this.accept(epoch, { availableToSell: this.availableFor(undefined) });
  }

  private act(
    request: ExtendRequest | CommitRequest | ReleaseRequest | ShipRequest,
    now: number,
    epoch: number,
  ): Comparable {
    const r = this.reservations.find((x) => x.no === request.ref.no && x.epoch === request.ref.epoch);
    if (r === undefined || (r.endedAt !== undefined && now - r.endedAt > WINDOW_MS)) return this.refuse('NOT_FOUND');
    const total = r.parts.reduce((sum, part) => sum + part.qty, 0);
    if (request.op === 'ship') return this.ship(request, r, now, epoch);
    if (r.state !== 'RESERVED') return this.refuse('RESERVATION_ENDED', { state: r.state });
    if (r.order !== (request.op === 'extend' ? undefined : request.order)) return this.refuse('BAD_REQUEST');
    if (request.op === 'extend') {
      this.seq += 1;
      r.expiresAt = now + request.ttlMs;
      return this.accept(epoch, { expiresAt: r.expiresAt });
    }
    if (request.op === 'release') {
      this.seq += 1;
      r.state = 'RELEASED';
      r.endedAt = now;
      this.settle();
      return this.accept(epoch, { state: 'RELEASED' });
    }
    const qty = request.qty ?? total;
    if (qty > total) return this.refuse('BAD_REQUEST');
    this.seq += 1;
    r.state = 'COMMITTED';
    for (let i = total; i > qty; i--) {
      const last = r.parts.filter((part) => part.qty > 0).at(-1);
      if (last !== undefined) last.qty -= 1;
    }
    this.settle();
    return this.accept(epoch, { state: 'COMMITTED', qty });
  }

  private ship(request: ShipRequest, r: NaiveReservation, now: number, epoch: number): Comparable {
    if (r.state === 'RESERVED') return this.refuse('BAD_REQUEST');
    if (r.state !== 'COMMITTED') return this.refuse('RESERVATION_ENDED', { state: r.state });
    const left = r.parts.reduce((sum, part) => sum + openOf(part), 0);
    const qty = request.qty ?? left;
    if (left === 0 || qty > left) return this.refuse('BAD_REQUEST');
    if (request.toStock) return this.putBack(r, qty, now, epoch);
    const onHand = new Map(this.nodes.map((node) => [node.name, node.onHand]));
    let possible = 0;
    for (const part of r.parts) possible += Math.min(openOf(part), onHand.get(part.node) as number);
    if (possible < qty) return this.refuse('INSUFFICIENT_STOCK');
    this.seq += 1;
    for (let i = 0; i < qty; i++) {
      const part = r.parts.find((p) => openOf(p) > 0 && (this.nodes.find((n) => n.name === p.node)?.onHand ?? 0) > 0);
      if (part === undefined) throw new Error('the model is wrong');
      part.shipped += 1;
      (this.nodes.find((n) => n.name === part.node) as NaiveNode).onHand -= 1;
    }
    if (left === qty) r.endedAt = now;
    if (this.limit > 0 && r.owner !== undefined) this.bought[r.owner] = (this.bought[r.owner] ?? 0) + qty;
    this.settle();
    return this.accept(epoch, {
      state: 'COMMITTED',
      qty,
      remaining: left - qty,
      onHand: this.nodes.reduce((sum, node) => sum + node.onHand, 0),
    });
  }

  private putBack(r: NaiveReservation, qty: number, now: number, epoch: number): Comparable {
    this.seq += 1;
    for (let i = 0; i < qty; i++) {
      const part = r.parts.find((p) => openOf(p) > 0);
      if (part === undefined) throw new Error('the model is wrong');
      part.back += 1;
    }
    const remaining = r.parts.reduce((sum, part) => sum + openOf(part), 0);
    if (remaining === 0) r.endedAt = now;
    this.settle();
    const onHand = this.nodes.reduce((sum, node) => sum + node.onHand, 0);
    return this.accept(epoch, { state: 'COMMITTED', qty, remaining, onHand });
  }

  private newNode(name: string): NaiveNode {
    const node = { name, onHand: 0, shortfall: 0, safetyStock: 0, backorderLimit: 0 };
    this.nodes.push(node);
    return node;
  }

  private reserve(request: ReserveRequest, now: number, epoch: number): Comparable {
    const { qty, owner, channel, allowPartial } = request;
    if (this.seq === 0) return this.refuse('NOT_FOUND');
    if (request.node !== undefined && !this.nodes.some((n) => n.name === request.node)) return this.refuse('NOT_FOUND');
    let limit = Number.POSITIVE_INFINITY;
    if (this.limit > 0) {
      if (owner === undefined) return this.refuse('BAD_REQUEST');
      limit = Math.max(0, this.limit - this.openUnits((r) => r.owner === owner) - (this.bought[owner] ?? 0));
      if (allowPartial ? limit === 0 : limit < qty)
        return this.adopt(request, now, epoch) ?? this.refuse('LIMIT_EXCEEDED');
    }
    const open = this.availableFor(channel);
    const candidates = this.nodes
      .filter((node) => request.node === undefined || node.name === request.node)
      .map((node) => ({ node: node.name, free: this.free(node) }))
      .sort((a, b) => b.free - a.free);
    const parts: { node: string; qty: number }[] = [];
    const greatest = candidates[0];
    if (!allowPartial) {
      if (greatest !== undefined && greatest.free >= qty && open >= qty) parts.push({ node: greatest.node, qty });
      else if (request.order !== undefined) parts.push(...this.spread(candidates, qty <= open ? qty : 0, true));
    } else {
      parts.push(...this.spread(candidates, Math.min(qty, limit, open), false));
    }
    if (parts.length === 0) return this.adopt(request, now, epoch) ?? this.refuse('INSUFFICIENT_STOCK');
    this.seq += 1;
    const r: NaiveReservation = {
      no: this.seq,
      epoch,
      askedQty: qty,
      parts: parts.map((part) => ({ node: part.node, given: part.qty, qty: part.qty, shipped: 0, back: 0 })),
      owner,
      channel,
      order: request.order,
      state: 'RESERVED',
      expiresAt: now + request.ttlMs,
      endedAt: undefined,
    };
    this.reservations.push(r);
    return this.reserveReply(r, epoch);
  }

  /** Units from the fullest nodes first; with `whole` all of them or none. */
  private spread(
    from: { node: string; free: number }[],
    units: number,
    whole: boolean,
  ): { node: string; qty: number }[] {
    const parts: { node: string; qty: number }[] = [];
    let rest = units;
    for (const { node, free } of from) {
      const take = Math.min(free, rest);
      if (take > 0) parts.push({ node, qty: take });
      rest -= take;
    }
    return whole && rest > 0 ? [] : parts;
  }

  /** The tentative reservations whose orders are to be asked. */
  dueTentative(now: number): number[] {
    return this.reservations.filter((r) => r.state === 'RESERVED' && r.order && r.expiresAt <= now).map((r) => r.no);
  }

  private adopt(request: ReserveRequest, now: number, epoch: number): Comparable | undefined {
    const own = this.reservations.findLast(
      (r) =>
        request.owner !== undefined &&
        r.owner === request.owner &&
        r.state === 'RESERVED' &&
        r.order === undefined &&
        r.askedQty === request.qty &&
        (request.channel === undefined || r.channel === request.channel) &&
        (request.node === undefined || r.parts.every((part) => part.node === request.node)),
    );
    if (own === undefined) return undefined;
    this.seq += 1;
    own.expiresAt = Math.max(own.expiresAt, now + request.ttlMs);
    own.order = request.order;
    return this.reserveReply(own, epoch);
  }

  private reserveReply(r: NaiveReservation, epoch: number): Comparable {
    const most = Math.max(...r.parts.map((part) => part.given));
    return this.accept(epoch, {
      reservationId: `${r.no.toString(36)}.${r.epoch.toString(36)}.${this.region}/${this.sku}`,
      qty: r.parts.reduce((sum, part) => sum + part.given, 0),
      node: r.parts.find((part) => part.given === most)?.node,
      ...(r.parts.length > 1 ? { parts: r.parts.map((part) => ({ node: part.node, qty: part.given })) } : {}),
      expiresAt: r.expiresAt,
      availableToSell: this.availableFor(undefined),
    });
  }
}

/** Strips an outcome of the core to what the model gives. */
export function comparable(outcome: Outcome | undefined): Comparable {
  if (outcome === undefined || outcome.ok) return { ...outcome };
  const { ok, code, state, replayed } = outcome;
  return { ok, code, ...(state === undefined ? {} : { state }), ...(replayed === undefined ? {} : { replayed }) };
}

/** Units that a committed reservation still stands for. */
function openOf({ qty, shipped, back }: NaiveReservation['parts'][number]): number {
  return qty - shipped - back;
}
