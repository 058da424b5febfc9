// A grid in memory, of real orders and simple stock: what processors and queues are tested against without processes. Its orders go through
// the real core, command by command, as JSON.
import {
  failure,
  IDEMPOTENCY_WINDOW_MS,
  type Json,
  type LeasedTask,
  type OrderDocument,
  RESERVE_LINES_MAX,
} from '../../../protocol/index.ts';
import { orderCore } from '../../order/index.ts';
import { planRequests } from '../../order/plan-requests.ts';
import type { OrderEvent, OrderState } from '../../order/types.ts';
import type { OrderDetail } from '../../order/view.ts';
import type {
  AdvanceCall,
  Advanced,
  Ended,
  Made,
  OrderGrid,
  OrderRecord,
  PositionLine,
  ReserveCall,
  Reserved,
  TakeTasks,
  TaskCall,
} from '../ports.ts';

interface Reservation {
  readonly key: string;
  readonly qty: number;
  left: number;
}

interface OrderAttempt {
  readonly taskId: string;
  readonly requestId: string;
  readonly reserved: Reserved;
  state: 'RESERVED' | 'COMMITTED' | 'RELEASED';
}

export class MemoryGrid implements OrderGrid {
  readonly region = 'us-east';
  /** What can be sold, by `region/node/sku`. */
  readonly stock = new Map<string, number>();
  /** Units that have left the books, and that were put back, by requestId. */
  readonly shipped = new Map<string, number>();
  readonly putBackUnits = new Map<string, number>();
  /** Called before each call: what it throws, the call throws. */
  fault: (call: string) => void = () => {};
  readonly #orders = new Map<string, OrderState>();
  readonly #journeys = new Map<string, OrderEvent[]>();
  readonly #attempts = new Map<string, OrderAttempt[]>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #leases = new Map<string, { until: number; attempt: number }>();

  constructor(stock: Readonly<Record<string, number>> = {}) {
    for (const [key, units] of Object.entries(stock)) this.stock.set(key, units);
  }

  state(orderId: string): OrderState {
    const state = this.#orders.get(orderId);
    if (state === undefined) throw new Error(`no order ${orderId}`);
    return state;
  }

  /** Its events. */
  journey(orderId: string): readonly OrderEvent[] {
    return this.#journeys.get(orderId) ?? [];
  }

  /** Σ units that are reserved or allocated and have not left. */
  get held(): number {
    return [...this.#reservations.values()].reduce((sum, { left }) => sum + left, 0);
  }

  async captureOrder(order: OrderDocument, requestId: string): Promise<void> {
    this.fault('captureOrder');
    const answer = this.#ask(order.orderId, { op: 'capture', order }, { requestId });
    if (!answer.ok) throw new Error(answer.message);
  }

  async getOrder(orderId: string, journey = false): Promise<OrderRecord | undefined> {
    this.fault('getOrder');
    const state = this.#orders.get(orderId);
    if (state?.order === undefined) return undefined;
    const detail = orderCore.detail(state) as unknown as OrderDetail;
    const events = journey ? { journey: this.journey(orderId) } : {};
    return { orderId, document: state.order, tasks: orderCore.openTasks(state), detail, ...events };
  }

  async advanceOrder(
    orderId: string,
    command: { readonly type: string; readonly [field: string]: Json },
    call: AdvanceCall,
  ): Promise<Advanced> {
    this.fault(`advanceOrder ${command.type}`);
    const answer = this.#ask(orderId, { op: 'advance', command: JSON.parse(JSON.stringify(command)) }, call);
    this.fault(`advanced ${command.type}`);
    return answer;
  }

  async takeTasks({ kinds, limit, leaseMs, waitMs }: TakeTasks): Promise<readonly LeasedTask[]> {
    this.fault('takeTasks');
    const taken: LeasedTask[] = [];
    const now = Date.now();
    for (const [orderId, state] of this.#orders) {
      for (const task of orderCore.openTasks(state)) {
        const lease = this.#leases.get(task.taskId);
        if (taken.length >= limit || !kinds.includes(task.kind) || task.dueAt > now || (lease?.until ?? 0) > now)
          continue;
        const leased = { until: now + leaseMs, attempt: (lease?.attempt ?? 0) + 1 };
        this.#leases.set(task.taskId, leased);
        taken.push({ ...task, orderId, leasedUntil: leased.until, attempt: leased.attempt });
      }
    }
    if (taken.length === 0) await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, 5)));
    return taken;
  }

  async stockOf() {
    this.fault('stockOf');
    return (region: string, sku: string, node: string): number => this.stock.get(`${region}/${node}/${sku}`) ?? 0;
  }

  async reserveOrder(orderId: string, lines: readonly PositionLine[], call: ReserveCall): Promise<Reserved> {
    this.fault('reserveOrder');
    if (lines.length > RESERVE_LINES_MAX) throw new Error(`lines must have 1 to ${RESERVE_LINES_MAX} entries`);
    const attempts = this.#attempts.get(orderId) ?? [];
    this.#attempts.set(orderId, attempts);
    const before = attempts.find(({ taskId, requestId }) => taskId === call.taskId && requestId === call.requestId);
    if (before !== undefined) return before.reserved;
    this.#insistOnPlan(orderId, call, 'reserve');
    if (attempts.at(-1)?.state === 'RESERVED') throw new Error(`${orderId} has an attempt under way`);
    // Demand is summed for each position, line by line.
    const left = new Map<string, number>();
    const refused = lines.filter(({ region, node, sku, qty }) => {
      const key = `${region}/${node}/${sku}`;
      const has = left.get(key) ?? this.stock.get(key) ?? 0;
      if (has >= qty) left.set(key, has - qty);
      return has < qty;
    });
    const had = lines.filter((line) => !refused.includes(line));
    if (had.length === 0 || (call.policy === 'all' && refused.length > 0)) {
      const reserved = {
        ok: false,
        refused: refused.map(({ lineId }) => ({ lineId, code: 'INSUFFICIENT_STOCK' })),
      } as const;
      attempts.push({ ...call, reserved, state: 'RELEASED' });
      return reserved;
    }
    const granted = had.map((line) => {
      const key = `${line.region}/${line.node}/${line.sku}`;
      const reservationId = `${this.#reservations.size + 1}.1.${line.region}/${line.sku}`;
      this.#reservations.set(reservationId, { key, qty: line.qty, left: line.qty });
      this.stock.set(key, (this.stock.get(key) ?? 0) - line.qty);
      return { ...line, reservationId };
    });
    const reserved = { ok: true, lines: granted } as const;
    attempts.push({ ...call, reserved, state: 'RESERVED' });
    this.fault('reserved');
    return reserved;
  }

  async commitOrder(orderId: string, call: TaskCall): Promise<Ended> {
    this.fault('commitOrder');
    const one = this.#attemptOf(orderId, call, ':c');
    if (one?.state !== 'COMMITTED') this.#insistOnPlan(orderId, call, 'commit');
    if (one === undefined || one.state === 'RELEASED') return { ok: false, state: 'RELEASED' };
    one.state = 'COMMITTED';
    this.fault('committed');
    return { ok: true };
  }

  async releaseOrder(orderId: string, call: TaskCall): Promise<Ended> {
    this.fault('releaseOrder');
    const one = this.#attemptOf(orderId, call, ':r');
    if (one === undefined) return { ok: false, state: 'RELEASED' };
    if (one.state === 'COMMITTED') return { ok: false, state: 'COMMITTED' };
    if (one.state === 'RESERVED' && one.reserved.ok) {
      for (const { reservationId, qty } of one.reserved.lines) this.#free(reservationId, qty);
    }
    one.state = 'RELEASED';
    return { ok: true };
  }

  #attemptOf(orderId: string, { taskId, requestId }: TaskCall, suffix: string): OrderAttempt | undefined {
    return this.#attempts
      .get(orderId)
      ?.find((one) => one.taskId === taskId && `${one.requestId}${suffix}` === requestId);
  }

  /** As the order does: a task reserves and commits by the plan that the order has, while it is open. */
  #insistOnPlan(orderId: string, { taskId, requestId }: TaskCall, step: 'reserve' | 'commit'): void {
    const { plan, tasks } = this.state(orderId);
    const isOfPlan = plan?.taskId === taskId && planRequests(plan)[step] === requestId && !plan.isWithdrawn;
    if (!tasks.has(taskId) || !isOfPlan) throw new Error(`${requestId} is not of the plan of ${orderId}`);
  }

  async ship(reservationId: string, qty: number, requestId: string): Promise<Made> {
    this.fault('ship');
    if (this.#isExpired(requestId)) return 'expired';
    if (this.shipped.has(requestId)) return 'made';
    this.#take(reservationId, qty);
    this.shipped.set(requestId, qty);
    this.fault('shipped');
    return 'made';
  }

  async shippedOf(reservationId: string): Promise<number> {
    this.fault('shippedOf');
    const { qty, left } = this.#reservations.get(reservationId) as Reservation;
    return qty - left;
  }

  async putBack(reservationId: string, qty: number, requestId: string): Promise<Made> {
    this.fault('putBack');
    if (this.#isExpired(requestId)) return 'expired';
    if (this.putBackUnits.has(requestId)) return 'made';
    this.#free(reservationId, qty);
    this.putBackUnits.set(requestId, qty);
    this.fault('putIn');
    return 'made';
  }

  /** As the grid does: a UUIDv7 that is older than its memory is refused, whatever became of it. */
  #isExpired(requestId: string): boolean {
    const at = Number.parseInt(requestId.replaceAll('-', '').slice(0, 12), 16);
    return at < Date.now() - IDEMPOTENCY_WINDOW_MS;
  }

  #free(reservationId: string, qty: number): void {
    const { key } = this.#take(reservationId, qty);
    this.stock.set(key, (this.stock.get(key) ?? 0) + qty);
  }

  #take(reservationId: string, qty: number): Reservation {
    const reservation = this.#reservations.get(reservationId);
    if (reservation === undefined || reservation.left < qty) throw new Error(`${reservationId} has no ${qty} units`);
    reservation.left -= qty;
    return reservation;
  }

  #ask(orderId: string, ask: Parameters<typeof orderCore.decide>[1], call: AdvanceCall): Advanced {
    let state = this.#orders.get(orderId) ?? orderCore.create(orderId);
    const { requestId, traceId = requestId } = call;
    const context = { now: Date.now(), region: this.region, seq: state.seq, requestId, traceId };
    const { events, reply } = orderCore.decide(state, ask, context);
    if (state.order === undefined && ask.op === 'advance') return failure('NOT_FOUND', `no order ${orderId}`);
    const texts = events.map((event) => JSON.stringify(event));
    const kept = texts.map((text) => JSON.parse(text) as OrderEvent);
    for (const [n, event] of kept.entries()) state = orderCore.evolve(state, event, (texts[n] as string).length);
    orderCore.assertInvariants(state);
    if (events.length > 0) {
      this.#orders.set(orderId, state);
      this.#journeys.set(orderId, [...this.journey(orderId), ...kept]);
    }
    return reply.ok ? { status: orderCore.status(state), ...reply } : reply;
  }
}
