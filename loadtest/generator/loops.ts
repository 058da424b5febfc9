// The two ways to offer load. Closed: each reply provokes the next request, so a slow server is asked less. Open:
// requests are due on a schedule whatever the server does, and latency counts from when they were due, so a stall is
// charged to every request that would have been sent meanwhile (no coordinated omission; G. Tene, "How NOT to
// Measure Latency").
import type { GeneratorLine, LoadResult, LoadSpec } from './load.ts';
import { Pacer } from './pacer.ts';
import { Pipe } from './pipe.ts';
import { Recorder } from './recorder.ts';
import { readerOf } from './reply-reader.ts';
import { ReserveFrames } from './reserve-frames.ts';
import { skuPicker } from './sku-picker.ts';

/** How often the open loop sends what is due, ms. Finer costs the machine more than it tells. */
const TICK_MS = 0.5;
const DRAIN_MS_MAX = 15_000;

export async function runLoad(spec: LoadSpec, say: (line: GeneratorLine) => void): Promise<LoadResult> {
  const recorder = new Recorder(spec);
  const frames = new ReserveFrames(spec.region, spec.batch, skuPicker(spec.skus, spec.zipf));
  const pipes = Array.from(
    { length: spec.connections },
    () => new Pipe(spec.inFlight, frames, recorder, readerOf(spec.batch), spec.heeds),
  );
  try {
    for (const pipe of pipes) await pipe.open(spec.port);
    const { ratePerSecond, warmUpRatePerSecond = ratePerSecond } = spec;
    const start = (rate: number | undefined): (() => void) =>
      rate === undefined ? startClosed(pipes, frames) : startOpen(pipes, frames, rate, recorder, spec.heeds);
    let stop = start(warmUpRatePerSecond);
    await passing(spec.warmUpMs, pipes);
    if (warmUpRatePerSecond !== ratePerSecond) {
      stop();
      stop = start(ratePerSecond);
    }
    recorder.openWindow(performance.now());
    say({ event: 'window-start' });
    await passing(spec.windowMs, pipes);
    recorder.closeWindow(performance.now());
    say({ event: 'window-end' });
    stop();
    const unanswered = await drained(pipes);
    return recorder.result(unanswered);
  } finally {
    for (const pipe of pipes) pipe.close();
  }
}

/** Keeps every slot busy; returns how to stop. */
function startClosed(pipes: readonly Pipe[], frames: ReserveFrames): () => void {
  let running = true;
  for (const pipe of pipes) {
    const refill = () => {
      if (!running) return;
      const now = performance.now();
      frames.stamp(Date.now());
      pipe.send(pipe.free, now, now, 0);
    };
    pipe.onReplies = refill;
    refill();
  }
  return () => {
    running = false;
  };
}

/** Sends request n at start + n / rate, spread over the connections in turn; returns how to stop. */
function startOpen(
  pipes: readonly Pipe[],
  frames: ReserveFrames,
  ratePerSecond: number,
  recorder: Recorder,
  heeds: boolean,
): () => void {
  const everyMs = 1000 / ratePerSecond;
  const startMs = performance.now() + everyMs;
  let sent = 0;
  let turn = 0;
  const sendDue = () => {
    const now = performance.now();
    frames.stamp(Date.now());
    let due = Math.floor((now - startMs) / everyMs) + 1 - sent;
    // Equal runs of requests per connection, so that one tick is few writes; connections take turns in going first.
    const share = Math.max(1, Math.ceil(due / pipes.length));
    for (let i = 0; i < pipes.length && due > 0; i++) {
      const pipe = pipes[turn++ % pipes.length] as Pipe;
      const asked = Math.min(due, share);
      const dueMs = startMs + sent * everyMs;
      const count = pipe.admits(asked, now);
      pipe.send(count, now, dueMs, everyMs);
      if (heeds) recorder.turnedAway(asked - count, dueMs);
      sent += heeds ? asked : count;
      due -= heeds ? asked : count;
    }
    // What found no free slot stays due: its latency keeps growing from the time it should have left.
  };
  const pacer = new Pacer(TICK_MS, sendDue);
  return () => pacer.stop();
}

/** Waits, looking every now and then whether the run is still alive. */
async function passing(ms: number, pipes: readonly Pipe[]): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const broken = pipes.find((pipe) => pipe.broken !== undefined);
    if (broken !== undefined) throw new Error(`connection lost: ${broken.broken}`);
    const left = until - performance.now();
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 100)));
  }
}

/** Resolves when all is answered, or with what is not when patience ends. */
async function drained(pipes: readonly Pipe[]): Promise<number> {
  const until = performance.now() + DRAIN_MS_MAX;
  for (;;) {
    const waiting = pipes.reduce((sum, pipe) => sum + pipe.inFlight, 0);
    if (waiting === 0 || performance.now() > until || pipes.some((pipe) => pipe.broken !== undefined)) return waiting;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
