// The vocabulary of an order's reservations: what an attempt to reserve its lines is, the commands it decides on, the events
// that change it. Types only; saga.ts and evolve.ts give them meaning, SPEC.md states what must hold.
import type { AskAnswer, Failure, OrderLineRequest, ReservationPartView } from '../../protocol/index.ts';

/**
 * RESERVING: some claims are not answered yet. TENTATIVE: what the policy wants is held. COMMITTING: the commit point is journaled,
 * not all claims have confirmed it. RELEASING: it will never be committed, not all claims are given back. The others are ends:
 * RELEASED by the client's wish, ABORTED for want of stock or time.
 */
export type AttemptState =
  | 'RESERVING'
  | 'TENTATIVE'
  | 'COMMITTING'
  | 'COMMITTED'
  | 'RELEASING'
  | 'RELEASED'
  | 'ABORTED';

/** Why an attempt was given up. */
export type AbandonReason = 'client' | 'refused' | 'deadline';

/** What is reserved at one position for all lines that want it, as one reservation. */
export interface Claim {
  /** 1 for the first; a later one is for lines whose first choice was refused. */
  readonly round: number;
  readonly sku: string;
  readonly region: string;
  readonly node: string | undefined;
  readonly qty: number;
  readonly allowPartial: boolean;
  answer: ClaimAnswer | undefined;
  /** How its reservation ended. */
  end: ClaimEnd | undefined;
  /** Units that lines took of it. */
  used: number;
}

/** What the grid said to a claim's reserve. */
export type ClaimAnswer =
  | {
      readonly isHeld: true;
      readonly reservationId: string;
      readonly qty: number;
      readonly node: string;
      readonly parts?: readonly ReservationPartView[];
      /** ms since the epoch. */
      readonly expiresAt: number;
    }
  | { readonly isHeld: false; readonly code: Failure['code']; readonly message: string };

/** NOT_FOUND: its actor does not know it, where it should. One that was committed long ago was shipped and forgotten: that is COMMITTED. */
export type ClaimEnd = 'COMMITTED' | 'RELEASED' | 'EXPIRED' | 'NOT_FOUND';

/** Units of a claim, by its place in the attempt. */
export interface Share {
  readonly claim: number;
  readonly qty: number;
}

export interface LineState {
  readonly line: OrderLineRequest;
  /** Which of its candidates is tried, or was taken; 0 for the first. */
  candidate: number;
  /** What that wants of the claims of this round. */
  wants: readonly Share[];
  outcome: LineOutcome | undefined;
}

export type LineOutcome =
  | {
      readonly isHeld: true;
      /** SKU of the candidate: a substitute's, or the bundle's own. */
      readonly sku: string;
      /** Units of the line. */
      readonly qty: number;
      readonly takes: readonly Share[];
    }
  | { readonly isHeld: false; readonly code: Failure['code']; readonly message: string };

/** What was asked: all that tells one attempt from another but its requestId. */
export interface AttemptBody {
  readonly policy: 'all' | 'partial';
  readonly ttlMs: number;
  readonly owner?: string;
  readonly channel?: string;
  /** Where lines that name no region may be had, best first. */
  readonly regions: readonly string[];
  readonly lines: readonly OrderLineRequest[];
}

export interface Attempt {
  /** 1 for the first. */
  readonly attempt: number;
  readonly requestId: string;
  /** The key of that request (request-key.ts). */
  readonly askedBy: string;
  readonly body: AttemptBody;
  /** Not committed by then, it is given up as soon as anybody asks, ms since the epoch. */
  readonly deadlineAt: number;
  state: AttemptState;
  reason: AbandonReason | undefined;
  round: number;
  readonly claims: Claim[];
  readonly lines: LineState[];
  /** The keys of the requests that committed and gave it up. */
  committedBy: string | undefined;
  abandonedBy: string | undefined;
  /** The commit point, ms since the epoch. */
  committedAt: number | undefined;
}

/** All that an order knows of its reservations. Changed by evolve alone; the last attempt may be open, all others have ended. */
export interface SagaState {
  readonly attempts: Attempt[];
}

// ---- events ----

export type SagaEvent =
  | {
      readonly type: 'reservationsStarted';
      readonly attempt: number;
      readonly deadlineAt: number;
      readonly requestId: string;
      /** Who asked (request-key.ts). */
      readonly cause: string;
      readonly body: AttemptBody;
    }
  /** Answers of the grid to claims, by their place. */
  | { readonly type: 'reservationsAnswered'; readonly attempt: number; readonly answers: readonly AnsweredClaim[] }
  /** The policy has what it wants. */
  | { readonly type: 'reservationsHeld'; readonly attempt: number }
  /** The commit point of all lines (I15). */
  | {
      readonly type: 'reservationsCommitted';
      readonly attempt: number;
      /** ms since the epoch. */
      readonly at: number;
      readonly requestId: string;
      readonly cause: string;
    }
  /** It will never be committed. */
  | {
      readonly type: 'reservationsAbandoned';
      readonly attempt: number;
      readonly reason: AbandonReason;
      readonly requestId: string;
      readonly cause: string;
    }
  /** How claims ended, by their place. */
  | {
      readonly type: 'reservationsEnded';
      readonly attempt: number;
      /** ms since the epoch. */
      readonly at: number;
      readonly ends: readonly EndedClaim[];
    };

export type AnsweredClaim = { readonly claim: number } & ClaimAnswer;

export interface EndedClaim {
  readonly claim: number;
  readonly end: ClaimEnd;
}

// ---- commands ----

export type SagaCommand =
  | { readonly type: 'reserve'; readonly body: AttemptBody }
  | { readonly type: 'answer'; readonly attempt: number; readonly answers: readonly AnsweredClaim[] }
  | { readonly type: 'end'; readonly attempt: number; readonly ends: readonly EndedClaim[] }
  /** Of the attempt that was asked for by the request with this key; without it, of the last. */
  | { readonly type: 'commit' | 'release'; readonly of?: string | undefined }
  /** A tentative reservation wants to know what becomes of it. */
  | { readonly type: 'ask'; readonly reservationId: string }
  /** The deadline may have come. */
  | { readonly type: 'lapse' };

export interface SagaContext {
  readonly orderId: string;
  /** The order's own. */
  readonly region: string;
  /** ms since the epoch. */
  readonly now: number;
  readonly requestId: string;
  readonly cause: string;
}

export interface SagaDecision {
  readonly events: readonly SagaEvent[];
  /** Why nothing was decided. */
  readonly refusal?: Failure;
  /** To `ask` only. */
  readonly asked?: AskAnswer;
}
