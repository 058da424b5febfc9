// The transit model of running processes: each has its own, which follows a log that all share, so that any of them can die and all know the
// same within a second. Begins with what the rules expect (seeds.ts).
import { z } from 'zod';
import type { BusinessClock, TransitKnowledge } from '../fulfilment/ports.ts';
import { type Followed, follow } from '../shared/follower.ts';
import type { SharedLog } from '../shared/log.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import type { TransitTimes } from '../sourcing/transit.ts';
import { transitAnswers } from '../transit/for-sourcing.ts';
import type { DriftAlarm, Leg, Observation } from '../transit/model.ts';
import { OnlineTransitModel } from '../transit/online-model.ts';
import { ANSWERS_KEPT_MS, EXPECTED_MAX } from './limits.ts';
import { seedsOf } from './seeds.ts';

const DAY_MS = 86_400_000;
/** An alarm is shown for so long. */
const ALARM_SHOWN_MS = 7 * DAY_MS;

const time = z.number().min(0);
const entry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('handedOver'),
    shipment: z.object({
      shipmentId: z.string(),
      node: z.string(),
      service: z.string(),
      postalCode: z.string(),
      km: z.number().min(0),
      handedOverAt: time,
    }),
  }),
  z.object({ kind: z.enum(['scan', 'delivered', 'ended']), shipmentId: z.string(), at: time }),
]);

export interface LiveTransitOptions {
  readonly log: SharedLog;
  readonly rules: SourcingRules;
  readonly clock: BusinessClock;
  /** Whether this process saves what was learned, and tells people of drift. */
  readonly saves: boolean;
  readonly say: (line: string) => void;
  readonly pollMs?: number;
}

export interface TransitFigures {
  /** Parcels on their way that are followed. */
  readonly followed: number;
  /** Since this process began. */
  readonly observed: Readonly<Record<Observation['kind'], number>>;
  /** Delivered parcels of which it was known what was expected, and those that came within the p90 of their hand-over. */
  readonly delivered: number;
  readonly withinP90: number;
  /** Of the last seven days. */
  readonly alarms: readonly DriftAlarm[];
}

export interface LiveTransit extends TransitKnowledge {
  readonly times: TransitTimes;
  readonly figures: TransitFigures;
  /** Takes in now what others told. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws where the log cannot be read at all */
export async function liveTransit(options: LiveTransitOptions): Promise<LiveTransit> {
  const { log, rules, clock, saves, say, pollMs } = options;
  const beganAt = clock.now();
  let refreshedAt = beganAt;
  let answers: ReturnType<typeof transitAnswers> | undefined;
  let toldAt = beganAt;

  const onLook = (state: Learned): void => {
    const now = clock.now();
    state.advance(now);
    if (now - refreshedAt >= ANSWERS_KEPT_MS) {
      answers?.refresh(now);
      refreshedAt = now;
    }
    const news = state.alarmsAfter(toldAt);
    toldAt = news.at(-1)?.at ?? toldAt;
    const recent = state.alarmsAfter(now - ALARM_SHOWN_MS);
    const isRepeated = (one: DriftAlarm): boolean =>
      recent.some((other) => other.at < one.at && nameOf(other) === nameOf(one));
    if (saves) for (const alarm of news) if (!isRepeated(alarm)) say(textOf(alarm));
  };
  let learned: Learned | undefined;
  const following = await follow({
    log,
    restore: (bytes) => new Learned(bytes, rules, clock),
    saves,
    onFailure: (message) => say(`the transit model: ${message}`),
    onLook: () => {
      if (learned !== undefined) onLook(learned);
    },
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  learned = following.state;
  const { state } = following;
  answers = transitAnswers(state.model, beganAt);
  return {
    times: answers.transitTimes,
    get figures() {
      return state.figures(clock.now());
    },
    observe: async (observations) => {
      const news = observations.filter((one) => state.isNews(one));
      if (news.length > 0) await following.append(JSON.parse(JSON.stringify(news)));
    },
    missProbability: (leg: Leg, deadline: number, now: number) => state.model.missProbability(leg, deadline, now),
    look: () => following.look(),
    stop: () => following.stop(),
  };
}

/** The model, and how well it does. */
class Learned implements Followed {
  readonly model: OnlineTransitModel;
  readonly #clock: BusinessClock;
  readonly #observed = { handedOver: 0, scan: 0, delivered: 0, ended: 0 };
  /** By shipment, when it was to be delivered by with nine of ten. */
  readonly #expected = new Map<string, number>();
  #delivered = 0;
  #withinP90 = 0;

  /** @throws for bytes that are no state of this version of the model */
  constructor(bytes: Uint8Array | undefined, { services }: SourcingRules, clock: BusinessClock) {
    this.#clock = clock;
    this.model = bytes === undefined ? new OnlineTransitModel() : OnlineTransitModel.restore(bytes);
    const now = clock.now();
    const isNew = (service: string): boolean =>
      this.model.answer({ service, node: '', postalCode: '', km: 0, handedOverAt: now }, now).knownFrom === 'nothing';
    this.model.observe(
      seedsOf(
        services.filter(({ service }) => isNew(service)),
        now,
      ),
      now,
    );
  }

  apply(entries: readonly unknown[]): void {
    const news = entries.flatMap((one): Observation[] => {
      const read = entry.safeParse(one);
      return read.success ? [read.data] : [];
    });
    for (const one of news) this.#judge(one);
    this.model.observe(news, this.#clock.now());
  }

  serialise(): Uint8Array {
    return this.model.serialise();
  }

  /** Carriers are asked again and again, and tell the same scans. */
  isNews(one: Observation): boolean {
    if (one.kind !== 'scan') return true;
    const scannedAt = this.model.scannedAt(one.shipmentId);
    return scannedAt !== undefined && one.at > scannedAt;
  }

  advance(now: number): void {
    this.model.advance(now);
  }

  alarmsAfter(at: number): readonly DriftAlarm[] {
    return this.model.alarms().filter((alarm) => alarm.at > at);
  }

  figures(now: number): TransitFigures {
    return {
      followed: this.model.size.followed,
      observed: { ...this.#observed },
      delivered: this.#delivered,
      withinP90: this.#withinP90,
      alarms: this.alarmsAfter(now - ALARM_SHOWN_MS),
    };
  }

  #judge(one: Observation): void {
    // A parcel that is delivered is told as handed over once more.
    if (one.kind === 'handedOver' && this.#expected.has(one.shipment.shipmentId)) return;
    this.#observed[one.kind] += 1;
    if (one.kind === 'handedOver') {
      const { shipment } = one;
      if (this.#expected.size >= EXPECTED_MAX) return;
      const { days } = this.model.answer(shipment, shipment.handedOverAt);
      this.#expected.set(shipment.shipmentId, shipment.handedOverAt + days.p90 * DAY_MS);
      return;
    }
    const expected = this.#expected.get(one.shipmentId);
    if (expected === undefined || one.kind === 'scan') return;
    this.#expected.delete(one.shipmentId);
    if (one.kind === 'ended') return;
    this.#delivered += 1;
    if (one.at <= expected) this.#withinP90 += 1;
  }
}

/** Of what is told once in a while, however often it shows. */
function nameOf({ level, group, direction }: DriftAlarm): string {
  return JSON.stringify([level, group, direction]);
}

function textOf({ level, group, direction, since }: DriftAlarm): string {
  const { service = 'all services', node, area } = group;
  const where = [node === undefined ? '' : ` from ${node}`, area === undefined ? '' : ` to ${area}`].join('');
  return `transit times of ${service}${where} are ${direction} since ${new Date(since).toISOString().slice(0, 10)} (drift, level ${level})`;
}
