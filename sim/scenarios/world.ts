// One region of simulated workers, or several: starts and restarts their processes, lets the planned faults happen to them, and
// carries requests to them and answers back.
import { SHELL_LIMITS, type ShellLimits } from '../../node/shell/limits.ts';
import type { AvailabilityPush, ItemRequest, Outcome } from '../../protocol/index.ts';
import type { PlannedFailOver, PlannedFault } from '../faults.ts';
import { NO_STORE_FAULTS, SimMedium } from '../kernel/medium.ts';
import { Network } from '../kernel/network.ts';
import { SimProcess } from '../kernel/process.ts';
import type { Random } from '../kernel/random.ts';
import { Scheduler } from '../kernel/scheduler.ts';
import { SimStore } from '../kernel/store.ts';
import { Trace } from '../kernel/trace.ts';
import type { Violation } from '../oracle/history.ts';
import { NO_METRICS, type Subject } from '../subject.ts';
import type { PlannedDrain, Serving, Told, WorldOptions } from './world-options.ts';

export const REGION = 'eu-west';
export const PARTITIONS = 8;

/** More than a run of this size can need: a run that takes more does not end. */
const EVENTS_MAX = 2_000_000;
/** A process that ended by itself is started again after this long, ms. */
const RESTART_MS = 100;
/** A process that was told to stop and has not is killed after this long, ms, as a supervisor does. */
const STOP_GRACE_MS = 10_000;

interface Worker {
  readonly index: number;
  readonly address: string;
  /** On the mesh between regions. */
  readonly outside: string;
  readonly region: string;
  incarnation: number;
  process: SimProcess | undefined;
  subject: Subject | undefined;
}

export class World {
  readonly scheduler = new Scheduler(EVENTS_MAX);
  readonly trace: Trace;
  readonly network: Network;
  readonly medium: SimMedium;
  readonly limits: ShellLimits;
  readonly violations: Violation[] = [];
  /** Losses that a worker reported while the store held everything. */
  readonly falseAlarms: string[] = [];
  /** Told of a worker that goes on after a pause: the moment to see what it still believes. */
  onContinue: (address: string) => void = () => {};
  /** Faults that struck. */
  struck = 0;
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #workers: Worker[];
  readonly addresses: readonly string[];
  /** What clients read in frames that came before: refusals come again and again. */
  readonly #refusals = new Map<string, Outcome>();
  #isHealed = false;
  /** Restarts and drains that have begun and whose process has not ended yet. */
  #endings = 0;
  /** A fail-over is under way. */
  #isFailingOver = false;
  /** A fault that waits for its call. */
  #armed: PlannedFault | undefined;

  constructor(options: WorldOptions) {
    const { random, workers, mix, keepTrace, storeTimeoutMs } = options;
    this.#options = options;
    this.#random = random.fork('world');
    this.limits = { ...SHELL_LIMITS, ...options.limits };
    this.trace = new Trace(() => this.scheduler.now, keepTrace);
    this.network = new Network(this.scheduler, random.fork('network'), this.trace);
    this.medium = new SimMedium(this.scheduler, random.fork('store'), this.trace, storeTimeoutMs);
    this.medium.onLanded = (process, call) => this.#onLanded(process, call);
    const { regionOf, farMs = 0 } = options;
    const { lost, unanswered, late, messagesLost, notifiesDoubled } = mix;
    Object.assign(this.medium.faults, { lost, unanswered, late });
    Object.assign(this.network.faults, { lost: messagesLost, doubled: notifiesDoubled });
    this.#workers = Array.from({ length: workers }, (_, index) => ({
      index,
      address: `w${index}`,
      outside: `x${index}`,
      region: regionOf?.[index] ?? REGION,
      incarnation: 0,
      process: undefined,
      subject: undefined,
    }));
    this.addresses = this.#workers.map(({ address }) => address);
    this.network.distance = (from, to) => {
      const [near, far] = [from, to].map((address) => this.#workers.find(({ outside }) => outside === address));
      return near === undefined || far === undefined || near.region === far.region ? 0 : farMs;
    };
    for (const worker of this.#workers) {
      const startsAt = options.startsAt?.[worker.index] ?? 0;
      this.scheduler.after(startsAt + this.#random.between(0, 50), () => this.#start(worker));
    }
    this.medium.hasReplica = options.failOvers !== undefined;
    for (const drain of options.drains ?? []) this.scheduler.at(drain.at, () => this.#drain(drain));
    for (const fault of mix.planned) this.scheduler.at(fault.at, () => this.#strike(fault));
    for (const plan of options.failOvers?.planned ?? []) this.scheduler.at(plan.at, () => this.#failOver(plan));
  }

  /** The workers whose process runs. */
  get alive(): readonly string[] {
    const alive: string[] = [];
    for (const { process, address } of this.#workers) if (process?.isAlive) alive.push(address);
    return alive;
  }

  /** Whether a worker that was told to stop, or to drain, is still at it. */
  get isEnding(): boolean {
    return this.#endings > 0;
  }

  /** Whether a replica is about to take the store's place, or has just done so. */
  get isFailingOver(): boolean {
    return this.#isFailingOver;
  }

  /** The workers that serve. */
  get serving(): readonly Serving[] {
    const serving: Serving[] = [];
    for (const { process, subject, region } of this.#workers) {
      if (process?.isAlive && subject?.isServing()) serving.push({ process, subject, region });
    }
    return serving;
  }

  /** Sends a client's request to a worker; the answer comes back unless one of the two messages is lost. */
  request(
    client: string,
    address: string,
    request: ItemRequest,
    answered: (outcome: Outcome, told: Told) => void,
  ): void {
    this.network.send(client, address, () => {
      const worker = this.#workers.find((w) => w.address === address);
      const process = worker?.process;
      if (worker === undefined || process === undefined) return;
      process.accept(() => {
        let isAnswered = false;
        let isAtOnce = true;
        worker.subject?.submit(request, (outcome) => {
          if (isAnswered)
            this.violations.push({ invariant: 'P', text: `${process.name} answered ${request.op} twice` });
          isAnswered = true;
          if (!process.isAlive) return;
          // As the gateway does, the outcome is written before anything else can change it.
          const frame = JSON.stringify(outcome);
          const { now: at, events: turn } = this.scheduler;
          const isReached = !('region' in request) || worker.subject?.reaches?.(request.region ?? '') !== false;
          const told: Told = { by: process.name, at, turn, isAtOnce, isReached };
          this.network.send(address, client, () => answered(this.#read(frame), told));
        });
        isAtOnce = false;
      });
    });
  }

  #read(frame: string): Outcome {
    const known = this.#refusals.get(frame);
    if (known !== undefined) return known;
    const outcome = JSON.parse(frame) as Outcome;
    if (!outcome.ok) this.#refusals.set(frame, outcome);
    return outcome;
  }

  /** All faults end: what is down comes up, what is cut heals, clocks go on from where they are. */
  heal(): void {
    this.trace.add('heal');
    this.#isHealed = true;
    Object.assign(this.medium.faults, NO_STORE_FAULTS);
    Object.assign(this.network.faults, { lost: 0, doubled: 0, farLost: 0, farLate: 0, slowness: 1 });
    this.network.healAll();
    for (const worker of this.#workers) {
      worker.process?.continue();
      if (worker.process?.isAlive) worker.process.heapUse = 0.1;
      else this.#start(worker);
    }
  }

  /** Nothing gets from the region to any other, or back, for some time or until all is healed. */
  isolate(region: string, forMs: number): void {
    if (this.#isHealed) return;
    this.struck += 1;
    this.trace.add(`fault isolate ${region} for ${forMs.toFixed(3)}`);
    const { network } = this;
    const links = this.#workers.flatMap((here) =>
      this.#workers
        .filter((there) => here.region !== there.region && (here.region === region || there.region === region))
        .map((there) => [here.outside, there.outside] as const),
    );
    for (const [from, to] of links) network.bar(from, to);
    this.scheduler.after(forMs, () => {
      for (const [from, to] of links) network.unbar(from, to);
    });
  }

  /** The link between two workers of different regions breaks, if there is one. */
  breakFar(one: number, other: number): void {
    const [here, there] = [this.#workers[one], this.#workers[other]];
    if (this.#isHealed || here === undefined || there === undefined || here === there) return;
    this.struck += 1;
    this.trace.add(`fault break ${here.outside} ${there.outside}`);
    this.network.break(here.outside, there.outside);
  }

  /** The end of a run: who serves stops cleanly, who waits is killed. Resolves when all have stopped. */
  async stopAll(): Promise<void> {
    const { serving } = this;
    for (const worker of this.#workers) {
      if (!serving.some(({ process }) => process === worker.process)) this.#kill(worker, Number.POSITIVE_INFINITY);
    }
    await Promise.all(serving.map(({ subject }) => subject.stop()));
  }

  #start(worker: Worker): void {
    if (worker.process?.isAlive) return;
    worker.incarnation += 1;
    const name = `${worker.address}.${worker.incarnation}`;
    const { scheduler, trace } = this;
    trace.add(`${name} starts`);
    const process = new SimProcess(name, scheduler, this.#random.between(1, 1e6), (error) => {
      const text = `${name} crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      this.violations.push({ invariant: 'P', text });
      scheduler.after(RESTART_MS, () => this.#start(worker));
    });
    process.aheadMs = this.#options.mix.aheadMs[worker.index] ?? 0;
    worker.process = process;
    const mesh = this.network.mesh(worker.address, process);
    const { regionOf } = this.#options;
    const regionsMesh = regionOf === undefined ? undefined : this.network.mesh(worker.outside, process);
    process.deliver(0, () => {
      const subject = this.#options.factory({
        region: worker.region,
        partitions: this.#options.partitions ?? PARTITIONS,
        ownerId: name,
        nonce: `${name}-${this.#random.token()}`,
        store: new SimStore(this.medium, process),
        mesh,
        regionsMesh,
        runtime: process.runtime,
        metrics: NO_METRICS,
        limits: this.limits,
        log: (line) => trace.add(`${name}: ${line}`),
        ended: (error) => this.#ended(worker, process, error),
      });
      worker.subject = subject;
      for (const region of new Set(regionOf ?? [REGION])) {
        for (const sku of this.#options.watched) {
          const pushed = (push: AvailabilityPush): void => {
            if (process.isAlive) this.#options.pushed(name, push);
          };
          subject.watch(sku, pushed, region);
        }
      }
    });
  }

  /** The worker in the process gave up. That is lawful when another owns the lane or the store does not answer. */
  #ended(worker: Worker, process: SimProcess, error: Error): void {
    this.trace.add(`${process.name} ended: ${error.name}: ${error.message}`);
    // What a worker that no longer owns the lane makes of it says nothing: another writes and trims it meanwhile.
    const isZombie = ![...this.medium.memory.lanes.values()].some(({ owner }) => owner?.ownerId === process.name);
    // What was not confirmed may be lost; that what was is there the oracle looks at.
    const hasLost = this.medium.hasLost && this.#options.failOvers?.isReplicated === true;
    const isFalse =
      (error.name === 'JournalLost' && (hasLost || error.message.includes(UNREADABLE))) ||
      (error.name === 'JournalCorrupt' && isZombie);
    if (isFalse) {
      this.falseAlarms.push(`${process.name} ended: ${error.message}`);
    } else if (!LAWFUL_ENDS.has(error.name)) {
      this.violations.push({ invariant: 'I5', text: `${process.name} ended: ${error.name}: ${error.message}` });
    }
    if (worker.process === process) this.#kill(worker, RESTART_MS);
  }

  #kill(worker: Worker, downMs: number): void {
    worker.process?.kill();
    worker.subject = undefined;
    if (downMs < Number.POSITIVE_INFINITY) this.scheduler.after(downMs, () => this.#start(worker));
  }

  #drain({ worker: index, graceMs, downMs }: PlannedDrain): void {
    const worker = this.#workers[index];
    const process = worker?.process;
    if (this.#isHealed || this.#isSpared || worker === undefined || process === undefined) return;
    const draining = process.isAlive && !process.isPaused ? worker.subject?.drain?.() : undefined;
    if (draining === undefined) return;
    this.struck += 1;
    this.trace.add(`fault drain ${process.name}`);
    const end = this.#ending(worker, process, downMs);
    const stop = (): void => {
      if (worker.process === process && process.isAlive) void worker.subject?.stop().then(end, end);
      else end();
    };
    draining.then(stop, stop);
    this.scheduler.after(graceMs, end);
  }

  /** Begins the end of a process; what is returned kills it, once. */
  #ending(worker: Worker, process: SimProcess, downMs: number): () => void {
    this.#endings += 1;
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#endings -= 1;
      if (worker.process === process && process.isAlive) this.#kill(worker, downMs);
    };
  }

  /** The replica begins to lag, and takes the store's place. */
  #failOver({ lagMs, downMs }: PlannedFailOver): void {
    const { scheduler, medium, trace } = this;
    const isReplicated = this.#options.failOvers?.isReplicated === true;
    if (this.#isHealed || this.#isFailingOver) return;
    // Nothing is promised for an owner that does not live through it.
    if (!isReplicated && !this.#isCalm()) return;
    this.#isFailingOver = true;
    this.struck += 1;
    trace.add(`fault fail-over, lagging for ${lagMs.toFixed(3)}`);
    const { lost, unanswered, late } = medium.faults;
    if (!isReplicated) Object.assign(medium.faults, { lost: 0, unanswered: 0, late: 0 });
    medium.beginLag(isReplicated);
    scheduler.after(lagMs, () => {
      trace.add(`fault fail-over for ${downMs.toFixed(3)}`);
      medium.failOver();
      medium.faults.isDown = true;
      scheduler.after(downMs, () => {
        medium.faults.isDown = false;
        scheduler.after(isReplicated ? 0 : this.limits.sessionTtlMs, () => {
          if (!isReplicated && !this.#isHealed) Object.assign(medium.faults, { lost, unanswered, late });
          this.#isFailingOver = false;
        });
      });
    });
  }

  /** All workers run, none is ending, and the store is well. */
  #isCalm(): boolean {
    const { isDown, isReadOnly, slowness } = this.medium.faults;
    const allRun = this.#workers.every(({ process, subject }) => process?.isAlive && !process.isPaused && subject);
    return allRun && !this.isEnding && !isDown && !isReadOnly && slowness === 1;
  }

  /** Nothing else may strike: what is promised is promised to owners that live. */
  get #isSpared(): boolean {
    return this.#isFailingOver && this.#options.failOvers?.isReplicated !== true;
  }

  #strike(fault: PlannedFault): void {
    if (this.#isHealed || this.#isSpared) return;
    const { kind, forMs, size, atServing } = fault;
    const { serving } = this;
    const struck = atServing && serving.length > 0 ? this.#random.pick(serving).process : undefined;
    const worker =
      this.#workers.find((w) => w.process !== undefined && w.process === struck) ?? this.#workers[fault.worker];
    const process = worker?.process;
    if (worker === undefined || process === undefined) return;
    this.struck += 1;
    this.trace.add(`fault ${kind} ${process.name} for ${forMs.toFixed(3)}`);
    const { faults } = this.medium;
    const { scheduler, network } = this;
    switch (kind) {
      case 'crash':
        if (process.isAlive) this.#kill(worker, forMs);
        return;
      case 'pause':
        this.#pause(process, forMs);
        return;
      case 'crash at call':
      case 'pause at call':
        this.#armed = fault;
        return;
      case 'restart': {
        if (!process.isAlive || process.isPaused || worker.subject === undefined) return;
        const end = this.#ending(worker, process, forMs);
        void worker.subject.stop().then(end);
        scheduler.after(STOP_GRACE_MS, end);
        return;
      }
      case 'store down':
        faults.isDown = true;
        scheduler.after(forMs, () => {
          faults.isDown = false;
        });
        return;
      case 'store read-only':
        faults.isReadOnly = true;
        scheduler.after(forMs, () => {
          faults.isReadOnly = false;
        });
        return;
      case 'store slow':
        faults.slowness = size;
        scheduler.after(forMs, () => {
          faults.slowness = 1;
        });
        return;
      case 'network slow':
        network.faults.slowness = size;
        scheduler.after(forMs, () => {
          network.faults.slowness = 1;
        });
        return;
      case 'cut':
        this.#cut(worker, size, forMs);
        return;
      case 'clock jump':
        process.aheadMs += size;
        return;
      case 'memory full':
        process.heapUse = 0.99;
        scheduler.after(forMs, () => {
          process.heapUse = 0.1;
        });
        return;
      default:
        kind satisfies never;
    }
  }

  /** Strikes the process whose call has just landed, if that is what waits. */
  #onLanded(process: SimProcess, call: string): void {
    const fault = this.#armed;
    if (fault === undefined || this.#isHealed || this.#isSpared || !call.startsWith(fault.call)) return;
    const worker = this.#workers.find((w) => w.process === process);
    if (worker === undefined || !process.isAlive) return;
    this.#armed = undefined;
    this.trace.add(`${fault.kind} ${process.name} at ${call}`);
    if (fault.kind === 'crash at call') this.#kill(worker, fault.forMs);
    else this.#pause(process, fault.forMs);
  }

  #pause(process: SimProcess, forMs: number): void {
    process.pause();
    this.scheduler.after(forMs, () => {
      const worker = this.#workers.find((w) => w.process === process);
      if (worker !== undefined && process.isPaused) this.onContinue(worker.address);
      process.continue();
    });
  }

  /** Cuts one direction between the worker and all its peers, or one of them, on both meshes. */
  #cut(worker: Worker, size: number, forMs: number): void {
    const { network, scheduler } = this;
    const peers = this.#workers.filter((w) => w !== worker && (size === this.#workers.length || w.index === size));
    for (const peer of peers) {
      const [from, to] = this.#random.chance(0.5) ? [worker, peer] : [peer, worker];
      const links = [[from.address, to.address] as const, [from.outside, to.outside] as const];
      for (const [here, there] of links) network.cut(here, there);
      scheduler.after(forMs, () => {
        const breaks = !this.#isHealed && this.#random.chance(0.3);
        for (const [here, there] of links) {
          if (breaks) network.break(here, there);
          network.heal(here, there);
        }
      });
    }
  }
}

/** What a fenced worker says of a store that it could not ask. */
const UNREADABLE = 'it is empty';

const LAWFUL_ENDS: ReadonlySet<string> = new Set([
  'Fenced',
  'LaneBusy',
  'StoreUnavailable',
  'MembershipStopped',
  'Error',
]);
