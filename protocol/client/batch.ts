// Batches: many requests in one frame, and again only those of them that the grid was too busy for. Each item's
// result stands alone, as in the wire contract.
import type { ErrorCode, Failure } from '../errors.ts';
import { failure, RETRIABLE } from '../errors.ts';
import { BATCH_ITEMS_MAX } from '../limits.ts';
import type { BatchReply, Outcome } from '../types.ts';
import type { WireItem } from '../wire.ts';
import type { Backoff } from './backoff.ts';
import { backoffMs } from './backoff.ts';
import { HoldfastError } from './errors.ts';
import type { CallOptions } from './options.ts';
import type { Pauses } from './pauses.ts';
import type { Platform } from './platform.ts';
import type { BatchItem, ItemOp, ReplyTo } from './requests.ts';
import type { Session } from './session.ts';

/** The result of one item: its reply or its refusal, with the requestId it was sent under (absent for reads). */
export type BatchResult<O extends ItemOp = ItemOp> = (ReplyTo<O> | Failure) & { readonly requestId?: string };

/** Results in the order of the items, each typed by the op of its item. */
export type BatchResults<Items extends readonly BatchItem[]> = {
  -readonly [I in keyof Items]: BatchResult<Items[I]['op']>;
};

export interface BatchPorts {
  /** Where an item goes; those that go one way travel in one frame. */
  readonly sessionFor: (item: WireItem) => Session;
  readonly pauses: Pauses;
  readonly platform: Platform;
  readonly retryBackoff: Backoff;
  readonly timeoutMs: number;
}

/**
 * Sends the requests as one batch and, until the timeout, again those that were refused with a retriable code.
 * Rejects only if no item has an answer; otherwise an item without one is a retriable Failure with its requestId.
 */
export async function sendBatch(
  ports: BatchPorts,
  requests: readonly WireItem[],
  options: CallOptions,
): Promise<BatchResult[]> {
  if (requests.length > BATCH_ITEMS_MAX) {
    throw new HoldfastError(
      'TOO_LARGE',
      `${requests.length} items in a batch, ${BATCH_ITEMS_MAX} are allowed; split it`,
    );
  }
  const { platform } = ports;
  const deadlineMs = platform.now() + (options.timeoutMs ?? ports.timeoutMs);
  const results: (Outcome | undefined)[] = requests.map(() => undefined);
  let open = requests.map((_, index) => index);
  for (let attempt = 0; open.length > 0; attempt += 1) {
    const items = open.map((index) => requests[index] as WireItem);
    try {
      const timeoutMs = Math.max(1, Math.ceil(deadlineMs - platform.now()));
      const outcomes = await send(ports.sessionFor, items, { ...options, timeoutMs });
      for (const [at, index] of open.entries()) results[index] = outcomes[at];
    } catch (error) {
      // What is known is not thrown away for what is not.
      if (attempt === 0 || !(error instanceof HoldfastError)) throw error;
      for (const index of open) results[index] = failureOf(error);
      break;
    }
    open = open.filter((index) => isRetriable(results[index]));
    if (open.length === 0) break;
    const leastMs = Math.max(...open.map((index) => (results[index] as Failure).retryAfterMs));
    const waitMs = leastMs + backoffMs(ports.retryBackoff, attempt, platform.random());
    if (platform.now() + waitMs >= deadlineMs) break;
    await ports.pauses.pause(waitMs, options.signal);
    // Aborted while waiting: the answers that are there are the result.
    if (options.signal?.aborted) break;
  }
  return results.map((outcome, index) => {
    const requestId = requestIdOf(requests[index]);
    return requestId !== undefined ? { ...outcome, requestId } : outcome;
  }) as BatchResult[];
}

/** The outcomes in the order of the items; one that has none because its worker did not answer is a failure. */
async function send(
  sessionFor: BatchPorts['sessionFor'],
  items: readonly WireItem[],
  options: CallOptions,
): Promise<Outcome[]> {
  const groups = new Map<Session, number[]>();
  for (const [index, item] of items.entries()) {
    const session = sessionFor(item);
    const group = groups.get(session);
    if (group === undefined) groups.set(session, [index]);
    else group.push(index);
  }
  const outcomes: Outcome[] = new Array(items.length);
  const errors: HoldfastError[] = [];
  const sendOne = async ([session, indexes]: [Session, number[]]): Promise<void> => {
    try {
      const replies = await sendTo(
        session,
        indexes.map((index) => items[index] as WireItem),
        options,
      );
      for (const [at, index] of indexes.entries()) outcomes[index] = withoutId(replies[at] as Outcome);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      errors.push(error);
      for (const index of indexes) outcomes[index] = failureOf(error);
    }
  };
  await Promise.all([...groups].map(sendOne));
  if (errors.length === groups.size) throw allFailed(errors, items);
  return outcomes;
}

async function sendTo(session: Session, items: readonly WireItem[], options: CallOptions): Promise<Outcome[]> {
  const requestIds = requestIdsOf(items);
  const reply = (await session.call({ op: 'batch', items }, requestIds, options)) as BatchReply;
  if (!Array.isArray(reply.items) || reply.items.length !== items.length) {
    throw new HoldfastError('INTERNAL', 'the grid answered a batch with another number of items', {
      requestIds,
      outcome: 'unknown',
    });
  }
  return reply.items as Outcome[];
}

/** The error of a batch of which nothing is known; where parts of it went several ways, the first one's, for all. */
function allFailed(errors: readonly HoldfastError[], items: readonly WireItem[]): HoldfastError {
  const first = errors[0] as HoldfastError;
  if (errors.length === 1) return first;
  const { retriable, retryAfterMs, cause } = first;
  const outcome = errors.find((error) => error.outcome === 'unknown')?.outcome ?? first.outcome;
  return new HoldfastError(first.code, first.message, {
    ...{ retriable, retryAfterMs, cause, outcome },
    requestIds: requestIdsOf(items),
  });
}

function failureOf(error: HoldfastError): Failure {
  return failure(error.code in RETRIABLE ? (error.code as ErrorCode) : 'DEADLINE_EXCEEDED', error.message);
}

function requestIdsOf(items: readonly WireItem[]): string[] {
  return items.flatMap((item) => requestIdOf(item) ?? []);
}

/** Of a request that changes something. */
export function requestIdOf(request: WireItem | undefined): string | undefined {
  return request !== undefined && 'requestId' in request ? request.requestId : undefined;
}

function withoutId(item: Outcome & { readonly id?: unknown }): Outcome {
  if (item.id === undefined) return item;
  const { id: _id, ...outcome } = item;
  return outcome as Outcome;
}

function isRetriable(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && !outcome.ok && outcome.retriable;
}
