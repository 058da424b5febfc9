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
  readonly session: Session;
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
      const reply = await send(ports.session, items, { ...options, timeoutMs });
      for (const [at, index] of open.entries()) results[index] = withoutId(reply.items[at] as Outcome);
    } catch (error) {
      // What is known is not thrown away for what is not.
      if (attempt === 0 || !(error instanceof HoldfastError)) throw error;
      const code = error.code in RETRIABLE ? (error.code as ErrorCode) : 'DEADLINE_EXCEEDED';
      for (const index of open) results[index] = failure(code, error.message);
      break;
    }
    open = open.filter((index) => isRetriable(results[index]));
    if (open.length === 0) break;
    const leastMs = Math.max(...open.map((index) => (results[index] as Failure).retryAfterMs));
    const waitMs = leastMs + backoffMs(ports.retryBackoff, attempt, platform.random());
    if (platform.now() + waitMs >= deadlineMs) break;
    await ports.session.pauses.pause(waitMs, options.signal);
    // Aborted while waiting: the answers that are there are the result.
    if (options.signal?.aborted) break;
  }
  return results.map((outcome, index) => {
    const requestId = requestIdOf(requests[index]);
    return requestId !== undefined ? { ...outcome, requestId } : outcome;
  }) as BatchResult[];
}

async function send(session: Session, items: readonly WireItem[], options: CallOptions): Promise<BatchReply> {
  const requestIds = items.flatMap((item) => requestIdOf(item) ?? []);
  const reply = (await session.call({ op: 'batch', items }, requestIds, options)) as BatchReply;
  if (!Array.isArray(reply.items) || reply.items.length !== items.length) {
    throw new HoldfastError('INTERNAL', 'the grid answered a batch with another number of items', {
      requestIds,
      outcome: 'unknown',
    });
  }
  return reply;
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
