// The process that captures orders: keeps so many on their way over some connections and prints what came of it. Each order is a new one.
// A process of its own, so that the harness's work never delays a timestamp.
import { randomBytes } from 'node:crypto';
import { decodeServerMessage, encodeRequest } from '../../protocol/client-codec.ts';
import type { OrderDocument, WireRequest } from '../../protocol/index.ts';
import { maskedFrame, OPCODE } from './frames.ts';
import { LatencyHistogram } from './histogram.ts';
import { type Percentiles, skuName } from './load.ts';
import { LoadSocket } from './load-socket.ts';

export interface CaptureSpec {
  readonly port: number;
  readonly region: string;
  /** Lines of each order. */
  readonly lines: number;
  /** SKUs that they are drawn from. */
  readonly skus: number;
  readonly connections: number;
  /** Captures on their way on each connection. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface CaptureResult {
  /** Orders acknowledged within the window, a second. */
  readonly perSecond: number;
  /** The same of each second of it. */
  readonly eachSecond: readonly number[];
  /** From the first to the last. */
  readonly acknowledged: number;
  /** By code. Those of an overloaded grid are sent again, under another orderId. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly latencyUs: Percentiles;
  /** Of one request, as sent. */
  readonly bytes: number;
}

export type CaptureLine =
  | { readonly event: 'window-start' }
  | { readonly event: 'window-end' }
  | { readonly event: 'result'; readonly result: CaptureResult }
  | { readonly event: 'error'; readonly message: string };

const DRAIN_MS_MAX = 10_000;
/** A connection that is refused rests so long, ms. */
const REST_MS = 20;

function say(line: CaptureLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function run(spec: CaptureSpec): Promise<CaptureResult> {
  const salt = randomBytes(4).toString('hex');
  const histogram = new LatencyHistogram();
  const refusals: Record<string, number> = {};
  const seconds = new Array<number>(Math.ceil(spec.windowMs / 1_000)).fill(0);
  let [made, acknowledged, open, bytes] = [0, 0, 0, 0];
  let from = Number.POSITIVE_INFINITY;
  let isOver = false;
  let broken: string | undefined;

  const connect = async (): Promise<() => void> => {
    const sentAt = new Map<number, number>();
    let frames: Uint8Array[] = [];
    const send = (): void => {
      made += 1;
      const order = documentOf(`o-${salt}-${made}`, made, spec);
      const request: WireRequest = { op: 'captureOrder', region: spec.region, order, requestId: `r-${salt}-${made}` };
      const payload = encodeRequest('msgpack', made, request) as Uint8Array;
      bytes = payload.length;
      frames.push(maskedFrame(OPCODE.binary, payload));
      sentAt.set(made, performance.now());
      open += 1;
    };
    const flush = (): void => {
      if (frames.length > 0) socket.write(Buffer.concat(frames));
      frames = [];
    };
    const again = (): void => {
      if (isOver) return;
      send();
      flush();
    };
    const socket: LoadSocket = await LoadSocket.open(spec.port, 'holdfast.v1.msgpack', {
      onMessage: (chunk, start, end) => {
        const message = decodeServerMessage('msgpack', chunk.slice(start, end));
        if (message.kind !== 'reply') return;
        const now = performance.now();
        const at = sentAt.get(message.id as number) as number;
        sentAt.delete(message.id as number);
        open -= 1;
        if (!message.outcome.ok) {
          refusals[message.outcome.code] = (refusals[message.outcome.code] ?? 0) + 1;
          setTimeout(again, REST_MS);
          return;
        }
        acknowledged += 1;
        const second = Math.floor((now - from) / 1_000);
        if (now >= from && second < seconds.length) {
          seconds[second] = (seconds[second] as number) + 1;
          histogram.recordMs(now - at);
        }
        if (!isOver) send();
      },
      onChunkEnd: flush,
      onBroken: (reason) => {
        broken ??= reason;
      },
    });
    return () => {
      for (let n = 0; n < spec.inFlight; n++) send();
      flush();
    };
  };

  const starts = await Promise.all(Array.from({ length: spec.connections }, connect));
  for (const start of starts) start();
  await pause(spec.warmUpMs);
  from = performance.now();
  say({ event: 'window-start' });
  await pause(spec.windowMs);
  say({ event: 'window-end' });
  isOver = true;
  for (const until = performance.now() + DRAIN_MS_MAX; open > 0 && performance.now() < until; ) await pause(10);
  if (broken !== undefined) throw new Error(`a connection broke: ${broken}`);
  if (open > 0) throw new Error(`${open} captures were never answered`);
  const total = seconds.reduce((sum, count) => sum + count, 0);
  return {
    perSecond: (total * 1_000) / spec.windowMs,
    eachSecond: seconds,
    acknowledged,
    refusals,
    latencyUs: histogram.summary(),
    bytes,
  };
}

function documentOf(orderId: string, n: number, { lines, skus }: CaptureSpec): OrderDocument {
  return {
    orderId,
    lines: Array.from({ length: lines }, (_, line) => ({
      lineId: String(line + 1),
      sku: skuName((n * 7 + line * 13) % skus),
      qty: 1 + ((n + line) % 3),
      grams: 400 + line,
      value: 1_900 + line,
    })),
    destination: { latitude: 38.9072, longitude: -77.0369, postalCode: '20001', country: 'US', city: 'Washington' },
    promisedAt: 1_790_000_000_000,
    service: 'ground',
    channel: 'web',
    customer: `customer-${n % 1_000}`,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

try {
  say({ event: 'result', result: await run(JSON.parse(process.argv[2] ?? '') as CaptureSpec) });
} catch (error) {
  say({ event: 'error', message: (error as Error).message });
  process.exitCode = 1;
}
process.exit();
