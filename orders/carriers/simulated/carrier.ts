// The simulated carrier behind the port: the world of world.ts over a clock, with the time that answers take.
import { CarrierError } from '../errors.ts';
import type { Call, Carrier, Operation, TrackListener } from '../port.ts';
import type { Clock } from './clock.ts';
import type { CarrierProfile } from './profile.ts';
import { drawExponential } from './random.ts';
import { Teller } from './teller.ts';
import { type AnswerOf, CarrierWorld, type WorldOptions } from './world.ts';

export interface SimulatedCarrierOptions extends WorldOptions {
  readonly profile: CarrierProfile;
  readonly clock: Clock;
}

export interface SimulatedCarrier extends Carrier {
  /** What it is made of: the truth, for evaluations. */
  readonly world: CarrierWorld;
  /** Events that a listener did not take, however often it was told. `track` has them. */
  readonly givenUp: number;
}

export function createSimulatedCarrier({ profile, clock, ...options }: SimulatedCarrierOptions): SimulatedCarrier {
  const world = new CarrierWorld(profile, options);
  const teller = new Teller();
  let calls = 0;
  let closed = false;
  let callOff: (() => void) | undefined;
  let awaited = Number.POSITIVE_INFINITY;

  /** Tells what is due, and wakes up for the next. */
  const pump = (): void => {
    callOff?.();
    callOff = undefined;
    awaited = Number.POSITIVE_INFINITY;
    if (closed) return;
    for (const event of world.takeReports(clock.now())) teller.tell(event);
    const next = world.nextReportAt;
    if (next === undefined) return;
    awaited = next;
    callOff = clock.after(next - clock.now(), pump);
  };

  const call = async <O extends Operation>(
    operation: O,
    request: unknown,
    { idempotencyKey, signal }: Call,
  ): Promise<AnswerOf[O]> => {
    calls += 1;
    const latencyMs = drawExponential(profile.calls.latencyMeanMs, options.seed, 'latency', calls);
    // Half of it before it takes effect, so that a call that is given up may have taken effect or not.
    await wait(clock, latencyMs / 2, signal);
    if (closed) throw new CarrierError('UNAVAILABLE', `${profile.carrier} was closed`);
    const answer = world.call(operation, request, idempotencyKey, clock.now());
    if ((world.nextReportAt ?? Number.POSITIVE_INFINITY) < awaited) pump();
    await wait(clock, latencyMs / 2, signal);
    return answer;
  };

  return {
    carrier: profile.carrier,
    world,
    get givenUp() {
      return teller.givenUp;
    },
    rate: (request, options) => call('rate', request, options),
    book: (request, options) => call('book', request, options),
    track: (request, options) => call('track', request, options),
    intercept: (request, options) => call('intercept', request, options),
    cancel: (request, options) => call('cancel', request, options),
    onTracking: (listener: TrackListener) => teller.add(listener),
    async close() {
      closed = true;
      callOff?.();
      teller.close();
    },
  };
}

/** @throws CarrierError ABORTED when the signal ends it */
function wait(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      callOff();
      reject(new CarrierError('ABORTED', 'the call was ended'));
    };
    const callOff = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
