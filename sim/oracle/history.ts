// What clients did and saw: each request once, with every answer that reached its client. Times are the simulation's.
import type { AvailabilityPush, AvailabilityView, ItemRequest, Outcome } from '../../protocol/index.ts';

export interface Answer {
  /** When what it answers was sent: a request is sent until it is answered. */
  readonly sentAt: number;
  readonly at: number;
  readonly worker: string;
  readonly outcome: Outcome;
}

export interface Asked {
  readonly request: ItemRequest;
  /** When it was sent for the first time. */
  readonly sentAt: number;
  /** Those that settle it: refusals that invite to try again are not kept. */
  readonly answers: Answer[];
}

export interface Pushed {
  readonly at: number;
  /** One listener of one incarnation of a worker. */
  readonly listener: string;
  readonly push: AvailabilityPush;
}

/** What a worker of another region showed of this one. */
export interface Shown {
  /** The incarnation of the worker. */
  readonly by: string;
  readonly at: number;
  readonly view: AvailabilityView;
}

export class History {
  readonly asked: Asked[] = [];
  /** Requests that took the requestId of one that was answered, with another body. */
  readonly conflicts: Asked[] = [];
  readonly pushes: Pushed[] = [];
  readonly shown: Shown[] = [];
}

/** What must hold and did not. */
export interface Violation {
  /** The invariant's number, or what part of the run found it. */
  readonly invariant: string;
  readonly text: string;
}
