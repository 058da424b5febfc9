// The vocabulary of an order: its state, the commands it decides on, the events that change it. decide.ts and
// evolve.ts give them meaning, SPEC.md states what must hold. Times are ms since the epoch, money is in minor units,
// quantities are units.

import type { Failure, Json, OrderDestination, OrderDocument } from '../../protocol/index.ts';
import type { SagaEvent, SagaState } from '../reservations/index.ts';
import type { BundlePart, Components } from './bundle.ts';
import type { JourneyFacts } from './journey-facts.ts';
import type { Action, ExceptionKind, OrderStatus, PackageState, ScanCode, TaskKind } from './kinds.ts';
import type { Settling } from './settle-command.ts';
import type { PackageLine, Units } from './units.ts';

export * from './kinds.ts';
export type { PackageLine, Units };

/** Plain data: what a task needs, what an exception is about, what a decision weighed. */
export type Fields = { readonly [field: string]: Json };

// ---- parts of the state ----

/** A unit of work that somebody outside has to do, at least once. Open until an event closes it. */
export interface Task {
  /** `<orderId>/<kind>#<n>`, n counted by the order: the key by which its effects are made idempotent. */
  readonly taskId: string;
  readonly kind: TaskKind;
  /** Not offered before. */
  readonly dueAt: number;
  /** What it is about: a packageId, an exceptionId, or '' for the order. */
  readonly key: string;
  readonly payload: Fields;
}

export interface OrderLine {
  readonly lineId: string;
  /** As what its units that wait are to be sent. */
  sku: string;
  /** As what it was ordered, while some units alone are sent as another. */
  ordered?: string;
  readonly qty: number;
  /** Of one unit. */
  readonly grams: number;
  /** Of one unit, minor units. */
  readonly value: number;
  readonly substitutes: readonly string[];
  /** The bundle that it is a component of. */
  readonly bundle?: BundlePart;
  /** Units to be sourced. With the three below and what is in packages: always `qty`. */
  open: number;
  /** Units that could not be had and are sourced again later. */
  backordered: number;
  /** Units that an exception is about, until it is settled. */
  parked: number;
  cancelled: number;
}

export interface OrderPackage {
  readonly packageId: string;
  readonly node: string;
  readonly region: string;
  carrier: string;
  service: string;
  readonly lines: PackageLine[];
  state: PackageState;
  /** When it is to be handed over, as planned. */
  readonly handedOverAt: number | undefined;
  /** As its ship node weighed it; undefined: nobody did. */
  grams: number | undefined;
  bookingId: string | undefined;
  trackingId: string | undefined;
  /** When it is expected to be delivered. */
  expectedAt: number | undefined;
  /** The newest scan. */
  scan: { readonly code: string; readonly at: number } | undefined;
  heard: Heard | undefined;
  /** The first move that is known of it. */
  shippedAt: number | undefined;
  deliveredAt: number | undefined;
  /** What policies did about it: bounds how often they may. */
  interventions: number;
  /** Carriers that took back a booking of it which was wanted; undefined: none did. */
  cancelledBy: readonly CarrierCancellation[] | undefined;
  /** What is paid back for it, or will be, minor units. */
  paidBackMinor: number;
}

/** Of the carrier that it is booked with, beside its scans. */
export interface Heard {
  /** The latest time that it has put to a scan before that time had come. */
  readonly claimedAt?: number;
  /** The scan up to which it has said anew when the parcel is expected. */
  readonly expectedBy?: number;
}

export interface CarrierCancellation {
  readonly carrier: string;
  /** When the order learned of the last one. */
  readonly at: number;
}

export interface OrderException {
  readonly exceptionId: string;
  readonly kind: ExceptionKind;
  readonly packageId: string | undefined;
  readonly openedAt: number;
  readonly evidence: Fields;
  /** Units parked until it is settled. */
  units: readonly Units[];
  state: 'OPEN' | 'SETTLED' | 'ESCALATED';
  /** Newest last. */
  readonly decisions: ExceptionDecision[];
}

/** What a policy, or a person, made of an exception. */
export interface ExceptionDecision {
  readonly at: number;
  readonly action: Action;
  readonly policyVersion: string | undefined;
  readonly cause: string;
  readonly rule: string | undefined;
}

/** What a task `stock` tells the grid. stock: the units are sold to somebody else. The others leave the books. */
export type StockPayload = {
  readonly to: 'shipped' | 'stock' | 'writtenOff';
  readonly lines: readonly {
    readonly reservationId: string;
    readonly sku: string;
    readonly region: string;
    readonly node: string;
    readonly qty: number;
  }[];
  /** Taken back at its carrier first. */
  readonly booking?: UnsentBooking;
};

/** What a task `book` takes back, where there is something; only when that is surely done does another book the package anew. */
export type BookPayload = { readonly undo?: UnsentBooking };

/** What a carrier has booked, or may have booked, of a package that is not sent any more, or by another service. */
export type UnsentBooking = {
  /** It was booked by: `<orderId>/<bookingId>`, or the id of the task that nobody has told the result of. */
  readonly key: string;
  readonly carrier: string;
  readonly service: string;
  /** Undefined: it is not known here whether it was booked. */
  readonly trackingId?: string;
  /** What was in the package then. */
  readonly units: readonly Units[];
  /** Where it was to go then: where nobody told of the booking, it is asked for again as it was. Undefined: where the order goes. */
  readonly destination?: { readonly latitude: number; readonly longitude: number; readonly postalCode: string };
};

/** What sourcing proposes for the open units; units move when it is allocated. */
export interface Plan {
  readonly taskId: string;
  /** Of this task, 1 for the first. */
  readonly attempt: number;
  /** How it is reserved: everything or nothing, or what can be had of it. */
  readonly policy: 'all' | 'partial';
  readonly packages: readonly PlannedPackage[];
  readonly unfilled: readonly { readonly lineId: string; readonly sku: string; readonly qty: number }[];
  /** Something changed that it was made for: what is reserved by it goes back, and it is made anew. */
  isWithdrawn: boolean;
}

export interface PlannedPackage {
  readonly node: string;
  readonly region: string;
  readonly carrier: string;
  readonly service: string;
  readonly handedOverAt?: number;
  readonly expectedAt?: number;
  /** When the risk of being late is looked at, unless it is on its way by then; without it, it is not. */
  readonly replanAt?: number;
  /** It rests until then, so that a better plan may still take its place; without it, it is released at once. */
  readonly releaseAt?: number;
  readonly lines: readonly { readonly lineId: string; readonly sku: string; readonly qty: number }[];
}

/** All that one order holds. Changed by evolve alone. */
export interface OrderState extends JourneyFacts {
  readonly orderId: string;
  /** Events so far. */
  seq: number;
  /** The time of the last event. */
  lastAt: number;
  /** Undefined until it is captured: reservations may come before. */
  order: OrderDocument | undefined;
  capturedAt: number | undefined;
  /** What the customer was told last; undefined: nothing. */
  promisedAt: number | undefined;
  destination: OrderDestination | undefined;
  readonly lines: Map<string, OrderLine>;
  readonly packages: Map<string, OrderPackage>;
  readonly exceptions: Map<string, OrderException>;
  /** By holdType, why. */
  readonly holds: Map<string, string>;
  readonly saga: SagaState;
  plan: Plan | undefined;
  refundedMinor: number;
  /** Open, by taskId, in the order in which they were opened. */
  readonly tasks: Map<string, Task>;
  /** By kind, how many were ever opened. */
  readonly taskCounts: Map<TaskKind, number>;
  /** By the key of the request (orders/reservations/request-key.ts), what was answered. */
  readonly requests: Map<string, Remembered>;
  /** Of all events as JSON. */
  bytes: number;
}

export interface Remembered {
  readonly digest: number;
  /** Of its last event. */
  seq: number;
  status: OrderStatus;
}

// ---- events ----

/** What every event carries (I17). */
export interface EventEnvelope {
  readonly at: number;
  /** 1 for the first. */
  readonly seq: number;
  readonly requestId: string;
  /** Of the command's body: the same requestId with another one is refused. */
  readonly digest: number;
  /** capture, client, task:<kind>#<n>, carrier:…, node:…, policy:… */
  readonly cause: string;
  readonly traceId: string;
  readonly policyVersion?: string;
  readonly opens?: readonly Task[];
  /** Task ids. */
  readonly closes?: readonly string[];
}

/** See orders/reservations; the envelope has requestId, cause and time. */
type ReservationEventData = {
  readonly [T in SagaEvent['type']]: Omit<
    Extract<SagaEvent, { readonly type: T }>,
    'type' | 'requestId' | 'cause' | 'at'
  >;
};

export interface EventData extends ReservationEventData {
  /** exact: components of bundles are worth what their bundle is. Before that they were rounded down, and lines were others. */
  captured: { readonly order: OrderDocument; readonly exact?: true };
  held: { readonly holdType: string; readonly reason: string };
  unheld: { readonly holdType: string };
  destinationChanged: { readonly destination: OrderDestination };

  /** Lines of bundles become lines of their components, by a catalogue of this version. */
  expanded: {
    readonly bundles: string;
    readonly exact?: true;
    readonly lines: readonly {
      readonly lineId: string;
      readonly sku: string;
      readonly qty: number;
      readonly components: Components;
    }[];
  };
  sourced: Omit<Plan, 'isWithdrawn'> & { readonly rules: string; readonly explanation?: Fields };
  allocated: {
    readonly packages: readonly (Omit<PlannedPackage, 'lines'> & {
      readonly packageId: string;
      readonly lines: readonly {
        readonly lineId: string;
        readonly sku: string;
        readonly qty: number;
        readonly reservationId: string;
      }[];
    })[];
  };
  backordered: { readonly lines: readonly Units[] };
  /** Packages that rest give their units to a plan that takes their place: of the task source that it opens. */
  packagesWithdrawn: {
    readonly packageIds: readonly string[];
    readonly reason: string;
    /** What its own packages cost less by it, minor units; below 0 where others gain more. */
    readonly savesMinor: number;
    readonly rules: string;
    readonly packages: readonly PlannedPackage[];
    /** What was weighed. */
    readonly detail?: Fields;
  };

  released: { readonly packageId: string };
  picked: { readonly packageId: string };
  /** Units that were not there, or not fit to be sent. */
  shortPicked: { readonly packageId: string; readonly missing: readonly Units[]; readonly reasonCode: string };
  packed: { readonly packageId: string; readonly grams?: number };
  booked: {
    readonly packageId: string;
    readonly carrier: string;
    readonly service: string;
    readonly bookingId: string;
    readonly trackingId: string;
    readonly expectedAt?: number;
    readonly costMinor?: number;
  };
  unbooked: {
    readonly packageId: string;
    readonly reason: string;
    /** The carrier, where it is who took the booking back. */
    readonly cancelledBy?: string;
  };
  shipped: { readonly packageId: string; readonly shippedAt: number };
  scanned: {
    readonly packageId: string;
    readonly code: string;
    readonly scannedAt: number;
    readonly expectedAt?: number;
    /** As the carrier said: it had not come when the scan was heard of, and `scannedAt` is when it was. */
    readonly claimedAt?: number;
    /** Heard of after scans that came later: it moves no further by it, but had left by then. */
    readonly shippedAt?: number;
  };
  /** One that was lost has `lines` again, of what waits; what is sent instead and comes besides is in `sentAgain`. */
  delivered: {
    readonly packageId: string;
    readonly deliveredAt: number;
    readonly lines?: readonly Units[];
    readonly sentAgain?: readonly string[];
  };
  rejected: { readonly packageId: string; readonly reasonCode: string };
  lost: { readonly packageId: string };
  damaged: { readonly packageId: string };
  intercepted: { readonly packageId: string };
  packageCancelled: { readonly packageId: string; readonly reason: string };
  rerouted: {
    readonly packageId: string;
    readonly carrier: string;
    readonly service: string;
    readonly expectedAt?: number;
  };

  exceptionOpened: {
    readonly exceptionId: string;
    readonly kind: ExceptionKind;
    readonly packageId?: string;
    readonly evidence: Fields;
    /** Units of the package that are parked until it is settled. */
    readonly units?: readonly Units[];
  };
  /** One decision of a policy or a person. wait leaves the exception open, escalate leaves it to a person. */
  exceptionDecided: {
    readonly exceptionId: string;
    readonly action: Action;
    readonly rule?: string;
    /** What was weighed: costs of the other actions, the facts. */
    readonly detail?: Fields;
    readonly outcome: 'SETTLED' | 'OPEN' | 'ESCALATED';
  };
  /** Without a time: nobody knows when, and nothing is promised any more. */
  repromised: { readonly promisedAt?: number };
  /** Units leave a package, or where an exception parked them, and are to be sourced, or wait for stock. */
  resourced: {
    readonly packageId?: string;
    readonly exceptionId?: string;
    readonly lines: readonly Units[];
    readonly to: 'open' | 'backordered';
  };
  /** qty: units that wait, and no others; without it the line, whatever becomes of its units. */
  substituted: { readonly lineId: string; readonly sku: string; readonly qty?: number };
  /** From a package, from where an exception parked them, or else from what is open and then backordered, or `from` there alone. */
  linesCancelled: {
    readonly packageId?: string;
    readonly exceptionId?: string;
    readonly lines: readonly Units[];
    readonly reason: string;
    readonly from?: 'backordered';
  };
  refunded: { readonly amountMinor: number; readonly reference: string };

  /** What somebody has to do next, where no other event asks for it. */
  requested: { readonly what: TaskKind };
  /** Done outside, with nothing of it to be recorded. */
  taskDone: { readonly note?: string };
  taskDeferred: { readonly taskId: string; readonly dueAt: number; readonly reason: string };
  /** It failed for good: from now on it is of kind `dead`. */
  taskFailed: { readonly taskId: string; readonly error: string; readonly attempts: number };
  taskRevived: { readonly taskId: string };
}

export type EventType = keyof EventData;
export type EventOf<T extends EventType> = { readonly type: T } & EventEnvelope & EventData[T];
export type OrderEvent = { [T in EventType]: EventOf<T> }[EventType];

// ---- commands ----

/** What every command carries; it goes into its events. */
export interface CommandEnvelope {
  readonly requestId: string;
  readonly cause: string;
  readonly traceId: string;
  readonly policyVersion?: string;
  /** The open task that this is the work of; it is closed by it. */
  readonly taskId?: string;
}

export interface CommandData {
  capture: { readonly order: OrderDocument };
  hold: { readonly holdType: string; readonly reason: string };
  unhold: { readonly holdType: string };
  changeDestination: { readonly destination: OrderDestination };

  expand: {
    readonly bundles: string;
    readonly lines: readonly { readonly lineId: string; readonly components: Components }[];
  };
  plan: Omit<EventData['sourced'], 'taskId'>;
  allocate: {
    /** As planned, with the reservation of each line. */
    readonly packages: readonly (Omit<PlannedPackage, 'lines'> & {
      readonly lines: readonly {
        readonly lineId: string;
        readonly sku: string;
        readonly qty: number;
        readonly reservationId: string;
      }[];
    })[];
    /** Open units that could not be had: they are backordered, and an exception is opened about it. */
    readonly unfilled: readonly Units[];
    /** Instead they are not sent at all: the customer is told and paid back. */
    readonly unfilledTo?: 'cancelled';
    /** When backordered units are sourced again. */
    readonly retryAt: number;
    /** Why units lack, for whoever decides about it. */
    readonly why?: Fields;
  };

  /** Packages that rest are taken back, and planned as given here. Once a task release is due, they are not. */
  withdraw: EventData['packagesWithdrawn'] & {
    /** When somebody else goes on with it, should whoever withdraws them die. */
    readonly resumeAt: number;
  };

  release: EventData['released'];
  pick: EventData['picked'];
  shortPick: EventData['shortPicked'];
  pack: EventData['packed'];
  reject: EventData['rejected'];
  book: EventData['booked'];
  /** Another carrier service in place of one that took back what it had booked, or does not carry it: by the task `book`. */
  reroute: EventData['rerouted'];
  /** What the carrier tells; ships and delivers as far as the code says. */
  track: Omit<EventData['scanned'], 'code' | 'shippedAt'> & { readonly code: ScanCode };

  raise: {
    readonly kind: ExceptionKind;
    readonly packageId?: string;
    readonly evidence: Fields;
  };
  settle: SettleCommand;
  refund: EventData['refunded'];

  done: { readonly note?: string };
  defer: { readonly dueAt: number; readonly reason: string };
  fail: { readonly error: string; readonly attempts: number };
  revive: Record<never, never>;
}

export type SettleCommand = Settling<Fields>;

export type CommandType = keyof CommandData;
export type CommandOf<T extends CommandType> = { readonly type: T } & CommandEnvelope & CommandData[T];
export type OrderCommand = { [T in CommandType]: CommandOf<T> }[CommandType];

/** What a command comes to. */
export interface OrderReply {
  readonly ok: true;
  readonly replayed?: true;
  readonly orderId: string;
  /** Of its last event. */
  readonly seq: number;
  readonly status: OrderStatus;
}

/** `events` are not applied yet. */
export interface Decision {
  readonly events: readonly OrderEvent[];
  /** The status is known once the events are applied; of a request answered before it is that of then. */
  readonly reply: (Omit<OrderReply, 'status'> & { readonly status?: OrderStatus }) | Failure;
}

/** The events are applied. The shell journals them, and lets `reply` leave once they are durable (I6). */
export interface Executed extends Decision {
  readonly reply: OrderReply | Failure;
}
