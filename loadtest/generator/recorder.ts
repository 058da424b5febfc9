// Counts replies and records their latencies within the measured window. Shared by the closed and the open loop.
import { decodeServerMessage } from '../../protocol/client-codec.ts';
import { LatencyHistogram } from './histogram.ts';
import type { LoadResult, LoadSpec } from './load.ts';

const EXAMPLES_MAX = 3;

export class Recorder {
  readonly #spec: LoadSpec;
  readonly #latency = new LatencyHistogram();
  readonly #service = new LatencyHistogram();
  readonly #lateness = new LatencyHistogram();
  readonly #refusals: Record<string, number> = {};
  readonly #examples: string[] = [];
  #acknowledged = 0;
  #inWindow = 0;
  #sentInWindow = 0;
  #turnedAway = 0;
  #windowStart = Number.POSITIVE_INFINITY;
  #windowEnd = Number.POSITIVE_INFINITY;

  constructor(spec: LoadSpec) {
    this.#spec = spec;
  }

  openWindow(nowMs: number): void {
    this.#windowStart = nowMs;
  }

  closeWindow(nowMs: number): void {
    this.#windowEnd = nowMs;
  }

  /** A successful reply to a frame. `intendedMs` is when it should have left, `sentMs` when it did. */
  success(nowMs: number, intendedMs: number, sentMs: number): void {
    const { batch } = this.#spec;
    this.#acknowledged += batch;
    if (this.#spec.ratePerSecond === undefined) {
      if (nowMs < this.#windowStart || nowMs >= this.#windowEnd) return;
      this.#inWindow += batch;
      this.#latency.recordMs(nowMs - intendedMs);
      return;
    }
    if (nowMs >= this.#windowStart && nowMs < this.#windowEnd) this.#inWindow += batch;
    // The open loop's window is of intended times: a request that the window asked for counts however late its
    // reply comes, or the worst stalls would be those left out.
    if (intendedMs < this.#windowStart || intendedMs >= this.#windowEnd) return;
    this.#sentInWindow += batch;
    this.#latency.recordMs(nowMs - intendedMs);
    this.#service.recordMs(nowMs - sentMs);
    this.#lateness.recordMs(sentMs - intendedMs);
  }

  turnedAway(count: number, intendedMs: number): void {
    if (intendedMs >= this.#windowStart && intendedMs < this.#windowEnd) this.#turnedAway += count * this.#spec.batch;
  }

  /** Any other message. Under overload there are more of them than of successes, so most are not decoded. */
  refusal(bytes: Uint8Array, start: number, end: number): void {
    if (this.#examples.length === EXAMPLES_MAX && isOverloaded(bytes, start)) {
      this.#refusals.OVERLOADED = (this.#refusals.OVERLOADED ?? 0) + 1;
      return;
    }
    const message = decodeServerMessage('msgpack', bytes.slice(start, end));
    const code = message.kind === 'push' ? 'PUSH' : message.outcome.ok ? 'UNREADABLE' : message.outcome.code;
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
    if (this.#examples.length < EXAMPLES_MAX) this.#examples.push(JSON.stringify(message));
  }

  result(unanswered: number): LoadResult {
    const windowMs = this.#windowEnd - this.#windowStart;
    const perSecond = (this.#inWindow * 1000) / windowMs;
    const open = this.#spec.ratePerSecond !== undefined;
    return {
      perSecond,
      offeredPerSecond: open ? (this.#sentInWindow * 1000) / windowMs : perSecond,
      windowMs,
      acknowledged: this.#acknowledged,
      refusals: this.#refusals,
      turnedAway: this.#turnedAway,
      examples: this.#examples,
      unanswered,
      latencyUs: this.#latency.summary(),
      serviceUs: open ? this.#service.summary() : undefined,
      latenessUs: open ? this.#lateness.summary() : undefined,
      histogram: this.#latency.encoded(),
    };
  }
}

/** `[id, 0, "OVERLOADED", …]` with an id of two bytes: the head of the code tells it from all others of its length. */
const OVERLOADED = Buffer.from('\0\xaaOVERLOADED', 'latin1');
const CODE_AT = 4;

function isOverloaded(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < OVERLOADED.length; i++) if (bytes[start + CODE_AT + i] !== OVERLOADED[i]) return false;
  return true;
}
