// The default transit-time model: puts location, residuals, signal and the parcels in flight together. SPEC.md has the maths.
import { pack, unpack } from 'msgpackr';
import type { CellsState } from './cells.ts';
import { type CorrectionState, Corrections } from './conformal.ts';
import { type Belief, slowedQuantile, speedOf, stillOnWay } from './disruption.ts';
import { DueQueue } from './due-queue.ts';
import type { Followed } from './followed.ts';
import {
  ALARMS_MAX,
  AREAS_MAX,
  FOLLOWED_MAX,
  NODES_MAX,
  SERVICES_MAX,
  TRANSIT_DAYS_MAX,
  TRANSIT_DAYS_MIN,
} from './limits.ts';
import { bandOf, type Codes, Location } from './location.ts';
import {
  type DriftAlarm,
  daysOf,
  type Leg,
  type Observation,
  type Shipment,
  type TransitAnswer,
  type TransitModel,
} from './model.ts';
import { Names } from './names.ts';
import { ANSWERED, calendarOf, GRID, type GroupState, meanBeyond, Residuals, type Shape } from './residuals.ts';
import { type Scanned, Scans } from './scans.ts';
import { DEFAULT_SETTINGS, type TransitSettings } from './settings.ts';
import { Signal, type SignalState } from './signal.ts';
import { survivalOf } from './survival.ts';

const DAY_MS = 86_400_000;
/** Days are counted from here, so that 32 bits hold them to half a minute. */
const EPOCH_MS = Date.UTC(2020, 0, 1);
const FORMAT = 'holdfast.transit.online';
const VERSION = 2;

/** Steps of a parcel's life: looked at when it passes each share of GRID, then at its p99, then given up at a multiple of that. */
const MATURE = GRID.length;
const OVERDUE = MATURE + 1;
const GIVE_UP = 3;
/** Where transit times lie is learned from a parcel at this share of GRID. */
const LEARNED = GRID.indexOf(0.9);
const MEDIAN = GRID.indexOf(0.5);
/** Probabilities are answered in steps, so that sums in another order are no less likely. */
const PROBABILITY_STEPS = 1e9;
/** Standardised residuals count up to this in the search for drift. */
const DRIFT_RESIDUAL_MAX = 3;
/** Mean absolute deviations in a standard deviation, of a normal distribution. */
const DEVIATIONS = Math.sqrt(Math.PI / 2);

interface State {
  readonly format: string;
  readonly version: number;
  readonly settings: TransitSettings;
  readonly day: number;
  readonly sampled: number;
  readonly services: readonly string[];
  readonly nodes: readonly string[];
  readonly areas: readonly string[];
  readonly regions: readonly string[];
  readonly districts: readonly string[];
  readonly location: readonly CellsState[];
  readonly residuals: readonly GroupState[];
  readonly corrections: CorrectionState;
  readonly signal: SignalState;
  readonly scans: CellsState;
  readonly followed: readonly Followed[];
  readonly alarms: readonly DriftAlarm[];
}

export class OnlineTransitModel implements TransitModel {
  readonly #settings: TransitSettings;
  readonly #services: Names;
  readonly #nodes: Names;
  readonly #areas: Names;
  readonly #regions: Names;
  readonly #districts: Names;
  readonly #location: Location;
  readonly #residuals: Residuals;
  readonly #corrections: Corrections;
  readonly #signal: Signal;
  readonly #scans: Scans;
  readonly #followed = new Map<string, Followed>();
  readonly #queue = new DueQueue<Followed>(sooner);
  readonly #alarms: DriftAlarm[];
  /** The share of parcels that is followed. */
  #sampled: number;
  #day: number;

  constructor(settings: TransitSettings = DEFAULT_SETTINGS, state?: State) {
    this.#settings = settings;
    this.#services = new Names(SERVICES_MAX, state?.services);
    this.#nodes = new Names(NODES_MAX, state?.nodes);
    this.#areas = new Names(AREAS_MAX, state?.areas);
    this.#regions = new Names(AREAS_MAX, state?.regions);
    this.#districts = new Names(AREAS_MAX, state?.districts);
    this.#location = new Location(settings, state?.location);
    this.#residuals = new Residuals(settings, state?.residuals);
    this.#corrections = new Corrections(settings, state?.corrections);
    this.#signal = new Signal(settings, state?.signal);
    this.#scans = new Scans(settings, this.#signal, MEDIAN, state?.scans);
    this.#alarms = [...(state?.alarms ?? [])];
    this.#sampled = state?.sampled ?? 1;
    this.#day = state?.day ?? Number.NEGATIVE_INFINITY;
    for (const parcel of state?.followed ?? []) {
      this.#followed.set(parcel.shipmentId, parcel);
      this.#queue.push(parcel);
      if (parcel.hasPlace) this.#scans.watch(parcel);
    }
  }

  /** @throws Error for bytes that are no state of this version of this model */
  static restore(bytes: Uint8Array): OnlineTransitModel {
    const state = unpack(bytes) as State;
    if (state?.format !== FORMAT || state.version !== VERSION) {
      throw new Error(
        `This is no state of ${FORMAT} version ${VERSION} but of ${state?.format} version ${state?.version}; start a new model and observe again.`,
      );
    }
    return new OnlineTransitModel(state.settings, state);
  }

  observe(observations: readonly Observation[], now: number): void {
    for (const observation of [...observations].sort(inOrder)) {
      this.advance(Math.min(now, atOf(observation)));
      switch (observation.kind) {
        case 'handedOver':
          this.#handedOver(observation.shipment);
          break;
        case 'delivered':
          this.#delivered(observation.shipmentId, dayOf(observation.at));
          break;
        case 'ended':
          this.#forget(observation.shipmentId);
          break;
        case 'scan':
          this.#scanned(observation.shipmentId, dayOf(observation.at));
          break;
        default:
          observation satisfies never;
      }
    }
    this.advance(now);
  }

  advance(now: number): void {
    const day = dayOf(now);
    for (let next = this.#queue.take(day); next !== undefined; next = this.#queue.take(day)) {
      this.#scans.advance(next.due);
      this.#day = Math.max(this.#day, next.due);
      if (next.gone !== true) this.#look(next);
    }
    this.#scans.advance(day);
    this.#day = Math.max(this.#day, day);
  }

  answer(leg: Leg, now: number): TransitAnswer {
    const codes = this.#codes(leg);
    const { answered, speed } = this.#expect(codes, dayOf(now));
    return { days: daysOf(answered), speed, knownFrom: this.#knownFrom(codes) };
  }

  /**
   * Both times are read from one distribution, whenever is asked: what was known at the last news, and was then to be expected of the days after it. So a
   * later deadline cannot be likelier to be missed, nor a parcel of which nothing is heard for longer less likely to be late.
   */
  missProbability(leg: Leg, deadline: number, now: number): number {
    if (deadline <= Math.max(now, leg.handedOverAt)) return 1;
    const handedOver = dayOf(leg.handedOverAt);
    const known = Math.max(this.#day, handedOver);
    const codes = this.#codes(leg);
    const { usual } = this.#usualOf(codes, known);
    const belief = this.#signal.belief(codes, known);
    const inUsualTimes = survivalOf(GRID, usual);
    const stillAfter = (days: number): number => {
      const before = Math.min(days, known - handedOver);
      return stillOnWay(belief, this.#settings.disruptionDays, days - before, (more) => inUsualTimes(before + more));
    };
    const still = stillAfter(dayOf(deadline) - handedOver) / stillAfter(Math.max(0, dayOf(now) - handedOver));
    return Math.min(1, Math.round(still * PROBABILITY_STEPS) / PROBABILITY_STEPS);
  }

  /** When a parcel on its way was seen last, ms since the epoch; undefined where it is not followed, or has arrived. */
  scannedAt(shipmentId: string): number | undefined {
    const parcel = this.#followed.get(shipmentId);
    return parcel === undefined || parcel.delivered !== undefined ? undefined : msOf(parcel.scanned.at);
  }

  alarms(): readonly DriftAlarm[] {
    return this.#alarms;
  }

  serialise(): Uint8Array {
    const state: State = {
      format: FORMAT,
      version: VERSION,
      settings: this.#settings,
      day: this.#day,
      sampled: this.#sampled,
      services: this.#services.all(),
      nodes: this.#nodes.all(),
      areas: this.#areas.all(),
      regions: this.#regions.all(),
      districts: this.#districts.all(),
      location: this.#location.state(),
      residuals: this.#residuals.state(),
      corrections: this.#corrections.state(),
      signal: this.#signal.state(),
      scans: this.#scans.state(),
      followed: [...this.#followed.values()],
      alarms: this.#alarms,
    };
    return pack(state);
  }

  /** Parcels that are followed at present, and bytes of the tables of groups. */
  get size(): { readonly followed: number; readonly bytes: number } {
    return { followed: this.#followed.size, bytes: this.#location.bytes };
  }

  #codes(leg: Leg): Codes {
    const { areaLength, regionLength, districtLength } = this.#settings;
    return {
      service: this.#services.codeOf(leg.service),
      node: this.#nodes.codeOf(leg.node),
      area: this.#areas.codeOf(leg.postalCode.slice(0, areaLength)),
      region: this.#regions.codeOf(leg.postalCode.slice(0, regionLength)),
      district: this.#districts.codeOf(leg.postalCode.slice(0, districtLength)),
      band: bandOf(leg.km),
      weekday: new Date(leg.handedOverAt).getUTCDay(),
    };
  }

  /** What is expected of a parcel in usual times, before corrections. */
  #usualOf(codes: Codes, day: number) {
    const { mean, scale, spread } = this.#location.predict(codes, day);
    const { service, node, area } = codes;
    const groups = { service, node, area, calendar: calendarOf(codes.weekday, Math.exp(mean)) };
    const residuals = this.#residuals.quantiles(groups, day);
    // In few parcels a higher quantile may be drawn to its parent's further than the one before.
    const usual = Array.from(residuals, (value) => inDays(mean + spread * value)).sort((a, b) => a - b);
    return { mean, scale, spread, groups, residuals, usual };
  }

  #expect(codes: Codes, day: number) {
    const { mean, scale, spread, groups, residuals, usual } = this.#usualOf(codes, day);
    const belief = this.#signal.belief(codes, day);
    const speed = speedOf(belief);
    const shape: Shape = { ...groups, disturbed: speed < this.#settings.disturbedBelow };
    for (const [quantile, offset] of this.#corrections.of(codes.service, shape.disturbed).entries()) {
      const n = ANSWERED[quantile] as number;
      residuals[n] = (residuals[n] as number) + offset;
    }
    const corrected = Array.from(residuals, (value) => inDays(mean + spread * value)).sort((a, b) => a - b);
    const slowed = this.#slowed(corrected, belief);
    const answered = ANSWERED.map((n) => this.#round(slowed(n))).sort((a, b) => a - b);
    const shift = Math.log(this.#slowed(usual, belief)(MEDIAN) / (usual[MEDIAN] as number));
    return { mean, scale, spread, speed, shape, shift, usual, answered };
  }

  /** The quantiles of `usual`, by their place in GRID, with what is believed of disruptions. */
  #slowed(usual: readonly number[], belief: Belief): (n: number) => number {
    const { disruptionDays } = this.#settings;
    const inUsualTimes = survivalOf(GRID, usual);
    return (n) => slowedQuantile(belief, disruptionDays, GRID[n] as number, usual[n] as number, inUsualTimes);
  }

  #handedOver(shipment: Shipment): void {
    const { shipmentId } = shipment;
    if (this.#followed.has(shipmentId) || shareOf(shipmentId) >= this.#sampled) return;
    this.#services.learn(shipment.service);
    this.#nodes.learn(shipment.node);
    this.#areas.learn(shipment.postalCode.slice(0, this.#settings.areaLength));
    this.#regions.learn(shipment.postalCode.slice(0, this.#settings.regionLength));
    this.#districts.learn(shipment.postalCode.slice(0, this.#settings.districtLength));
    const codes = this.#codes(shipment);
    const handedOver = dayOf(shipment.handedOverAt);
    const { speed: _, ...expected } = this.#expect(codes, Math.max(this.#day, handedOver));
    const scanned: Scanned = { count: 0, at: handedOver, step: 0 };
    const hasPlace = shipment.postalCode !== '';
    const parcel: Followed = {
      shipmentId,
      codes,
      handedOver,
      hasPlace,
      ...expected,
      scanned,
      step: 0,
      due: 0,
      arrived: false,
    };
    this.#followed.set(shipmentId, parcel);
    this.#corrections.await(codes.service, parcel.shape.disturbed);
    this.#enqueue(parcel);
    if (hasPlace) this.#scans.watch(parcel);
    if (this.#followed.size > FOLLOWED_MAX) this.#followFewer();
  }

  #scanned(shipmentId: string, at: number): void {
    const parcel = this.#followed.get(shipmentId);
    if (parcel !== undefined && parcel.delivered === undefined) this.#scans.scan(parcel, at, this.#day);
  }

  #delivered(shipmentId: string, delivered: number): void {
    const parcel = this.#followed.get(shipmentId);
    if (parcel === undefined || parcel.delivered !== undefined) return;
    parcel.delivered = delivered;
    if (parcel.step === OVERDUE) this.#settle(parcel, logDays(parcel, delivered));
  }

  /** Something is due of a parcel: it passes a share of GRID, its p99, or is given up. */
  #look(parcel: Followed): void {
    const { step, codes, handedOver, usual } = parcel;
    if (step < MATURE) {
      if (!parcel.arrived) {
        parcel.arrived = parcel.delivered !== undefined && parcel.delivered <= handedOver + (usual[step] as number);
        const before = step === 0 ? 0 : (GRID[step - 1] as number);
        const share = GRID[step] as number;
        const expected = (share - before) / (1 - before);
        if (parcel.hasPlace) this.#signal.book(codes, parcel.due, 'delivery', expected, parcel.arrived);
      }
      if (step === LEARNED) this.#locate(parcel);
      parcel.step = !parcel.arrived ? step + 1 : step < LEARNED ? LEARNED : MATURE;
    } else if (step === MATURE) {
      this.#mature(parcel);
    } else {
      this.#settle(parcel, Math.log(GIVE_UP * (parcel.answered.at(-1) as number)));
    }
    if (parcel.gone !== true) this.#enqueue(parcel);
  }

  /**
   * Learns where transit times lie, from each parcel when the same share of those like it is expected to have been delivered: fast
   * and slow ones of a day are learned together. One that is still on its way counts for what such parcels take on the average.
   */
  #locate(parcel: Followed): void {
    const { codes, shape, shift, delivered } = parcel;
    const { mean, spread } = this.#location.predict(codes, this.#day);
    const days =
      delivered === undefined
        ? Math.max(
            mean + shift + spread * meanBeyond(this.#residuals.quantiles(shape, this.#day), LEARNED),
            Math.log(this.#day - parcel.handedOver),
          )
        : logDays(parcel, delivered);
    this.#location.learn(codes, this.#day, days - mean - shift, this.#weight(parcel));
  }

  /** Its p99 is past: of each quantile it is known whether the parcel exceeded it, delivered or not. */
  #mature(parcel: Followed): void {
    const { shape, handedOver, answered, delivered } = parcel;
    const exceeded = answered.map((days) => delivered === undefined || delivered > handedOver + days);
    this.#corrections.correct(shape.service, shape.disturbed, exceeded);
    this.#corrections.awaitNoMore(shape.service, shape.disturbed);
    const days = delivered === undefined ? undefined : logDays(parcel, delivered);
    if (!shape.disturbed) this.#searchDrift(parcel, days);
    parcel.step = OVERDUE;
    if (days !== undefined) this.#settle(parcel, days);
  }

  #searchDrift({ codes, mean, spread, handedOver }: Followed, days: number | undefined): void {
    const residual = days === undefined ? DRIFT_RESIDUAL_MAX : (days - mean) / (spread * DEVIATIONS);
    const bounded = Math.max(-DRIFT_RESIDUAL_MAX, Math.min(DRIFT_RESIDUAL_MAX, residual));
    for (const { level, slower, since } of this.#location.cusum(codes, this.#day, bounded, handedOver)) {
      const service = this.#services.nameOf(codes.service);
      const area = this.#areas.nameOf(codes.area);
      const group = {
        ...(level === 'global' || level === 'area' ? {} : { service }),
        ...(level === 'area' || level === 'serviceArea' || level === 'lane' ? { area } : {}),
        ...(level === 'lane' ? { node: this.#nodes.nameOf(codes.node) } : {}),
      };
      const direction = slower ? 'slower' : 'faster';
      this.#alarms.push({ level, group, direction, since: msOf(since), at: msOf(this.#day) });
      if (this.#alarms.length > ALARMS_MAX) this.#alarms.shift();
    }
  }

  /** Learns the shape of the distribution from a parcel of which all is known that will be. */
  #settle(parcel: Followed, days: number): void {
    const { codes, mean, spread, scale, shape } = parcel;
    if (!shape.disturbed) {
      const residual = (days - mean) / spread;
      this.#residuals.add(shape, this.#day, residual);
      const deviation = Math.min(Math.abs(residual), DRIFT_RESIDUAL_MAX * DEVIATIONS) * scale;
      this.#location.learnScale(codes, this.#day, deviation);
    }
    this.#forget(parcel.shipmentId);
  }

  #forget(shipmentId: string): void {
    const parcel = this.#followed.get(shipmentId);
    if (parcel === undefined) return;
    if (parcel.step !== OVERDUE) this.#corrections.awaitNoMore(parcel.codes.service, parcel.shape.disturbed);
    parcel.gone = true;
    this.#followed.delete(shipmentId);
  }

  #enqueue(parcel: Followed): void {
    const { step, handedOver, usual, answered } = parcel;
    const p99 = answered.at(-1) as number;
    const days = step < MATURE ? (usual[step] as number) : step === MATURE ? p99 : GIVE_UP * p99;
    parcel.due = handedOver + days + this.#settings.reportLagDays;
    this.#queue.push(parcel);
  }

  #followFewer(): void {
    this.#sampled /= 2;
    for (const shipmentId of this.#followed.keys()) if (shareOf(shipmentId) >= this.#sampled) this.#forget(shipmentId);
  }

  #weight({ codes, shape }: Followed): number {
    const speed = speedOf(this.#signal.belief(codes, this.#day));
    const disturbed = shape.disturbed || speed < this.#settings.disturbedBelow;
    return disturbed ? this.#settings.slowWeight : 1;
  }

  #knownFrom(codes: Codes): TransitAnswer['knownFrom'] {
    if (this.#location.knows('lane', codes)) return 'lane';
    if (this.#location.knows('serviceArea', codes)) return 'area';
    return this.#location.knows('service', codes) ? 'service' : 'nothing';
  }

  #round(days: number): number {
    const { resolutionDays } = this.#settings;
    return resolutionDays === 0 ? days : Math.round(days / resolutionDays) * resolutionDays;
  }
}

function dayOf(ms: number): number {
  return (ms - EPOCH_MS) / DAY_MS;
}

function msOf(day: number): number {
  return Math.round(day * DAY_MS) + EPOCH_MS;
}

function inDays(log: number): number {
  return Math.max(TRANSIT_DAYS_MIN, Math.min(TRANSIT_DAYS_MAX, Math.exp(log)));
}

function logDays({ handedOver }: Followed, delivered: number): number {
  return Math.log(Math.max(TRANSIT_DAYS_MIN, Math.min(TRANSIT_DAYS_MAX, delivered - handedOver)));
}

function atOf(observation: Observation): number {
  return observation.kind === 'handedOver' ? observation.shipment.handedOverAt : observation.at;
}

function idOf(observation: Observation): string {
  return observation.kind === 'handedOver' ? observation.shipment.shipmentId : observation.shipmentId;
}

const KINDS: readonly Observation['kind'][] = ['handedOver', 'scan', 'delivered', 'ended'];

/** By time, hand-over first, then by id, so that the order in which a batch is told makes no difference. */
function inOrder(a: Observation, b: Observation): number {
  return (
    atOf(a) - atOf(b) ||
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
    (idOf(a) < idOf(b) ? -1 : idOf(a) > idOf(b) ? 1 : 0)
  );
}

function sooner(a: Followed, b: Followed): number {
  return a.due - b.due || (a.shipmentId < b.shipmentId ? -1 : a.shipmentId > b.shipmentId ? 1 : 0);
}

/** 0 to 1, the same for an id whenever and wherever (FNV-1a). */
function shareOf(shipmentId: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < shipmentId.length; n++) hash = Math.imul(hash ^ shipmentId.charCodeAt(n), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
