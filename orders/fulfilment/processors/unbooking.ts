// Takes back what a carrier has booked, or may have booked, of a package that is not sent, or not so: so that no parcel goes out that the
// order does not know. Every cancellation of one booking has the key of the booking, so that however many ask for it, it is one.
import { CarrierError } from '../../carriers/errors.ts';
import type { Booking, Carrier } from '../../carriers/port.ts';
import type { OrderPackage, UnsentBooking } from '../../order/types.ts';
import { effectKey } from '../keys.ts';
import { NotServed, type Told, type Work } from '../processor.ts';
import { bookingOf } from './booking.ts';
import type { CarrierOptions } from './carrier-options.ts';

/** @param bookingKey the effect's key (../keys.ts) by which it was booked @throws CarrierError other than that it is gone or too late */
export async function cancelParcel(
  carrier: Carrier,
  trackingId: string,
  bookingKey: string,
): Promise<'cancelled' | 'tooLate'> {
  try {
    await carrier.cancel({ trackingId }, { idempotencyKey: `${bookingKey}/cancel` });
    return 'cancelled';
  } catch (error) {
    if (!(error instanceof CarrierError)) throw error;
    // What it does not know it will not collect.
    if (error.code === 'NOT_FOUND') return 'cancelled';
    if (error.code !== 'TOO_LATE') throw error;
    // Too late may mean that it has been cancelled already, by its carrier or by one who died before he could tell.
    const { events } = await carrier.track({ trackingId }, { idempotencyKey: `${bookingKey}/cancelled?` });
    return events.some(({ kind }) => kind === 'cancelled') ? 'cancelled' : 'tooLate';
  }
}

/** It says surely that it has booked nothing. */
const NOT_BOOKED: ReadonlySet<string> = new Set(['NO_SERVICE', 'NO_CAPACITY', 'BAD_REQUEST']);

/** A parcel that goes out all the same. */
export interface UnderWay {
  readonly trackingId: string;
  /** What its carrier said of the booking, where it was asked for again. */
  readonly booked?: Pick<Booking, 'estimatedDeliveryAt' | 'cost'>;
}

/**
 * `undone`: no parcel of it goes out, for sure. `later`: its carrier cannot say now. Or it goes out all the same.
 * Where nobody has told what came of the booking, it is asked for again under its key, and thereby known.
 * @throws NotServed, or what no later try gets around
 */
export async function undoBooking(
  work: Work,
  booking: UnsentBooking,
  one: OrderPackage,
  options: CarrierOptions,
): Promise<'undone' | 'later' | UnderWay> {
  const { carrier: name, service, units } = booking;
  const key = keyOf(work, booking);
  const carrier = work.ports.carriers.get(name);
  if (carrier === undefined) throw new NotServed({ carrier: name, packageId: one.packageId });
  try {
    const lines = one.lines.map((line) => ({
      ...line,
      qty: units.find(({ lineId }) => lineId === line.lineId)?.qty ?? 0,
    }));
    const asked = bookingOf(work, { ...one, service, lines }, options, booking.destination);
    const booked = booking.trackingId === undefined ? await carrier.book(asked, { idempotencyKey: key }) : undefined;
    const trackingId = booked?.trackingId ?? (booking.trackingId as string);
    if ((await cancelParcel(carrier, trackingId, key)) === 'cancelled') return 'undone';
    return { trackingId, ...(booked === undefined ? {} : { booked }) };
  } catch (error) {
    if (!(error instanceof CarrierError)) throw error;
    if (booking.trackingId === undefined && NOT_BOOKED.has(error.code)) return 'undone';
    if (error.retriable) return 'later';
    throw error;
  }
}

/** Asks for a parcel back that its order does not want: what the order is to be told of it, and in a few words. `later`: its carrier cannot be asked now. */
export async function askForReturn(
  work: Work,
  booking: UnsentBooking,
  { trackingId }: UnderWay,
): Promise<'later' | { readonly told: Told; readonly note: string }> {
  const { carrier: name, service } = booking;
  try {
    const interception = await intercepted(work.ports.carriers.get(name), trackingId, keyOf(work, booking));
    const evidence = { carrier: name, service, trackingId, code: 'TOO_LATE', interception };
    const told: Told = {
      command: { type: 'raise', kind: 'lostParcel', packageId: work.task.key, evidence },
      step: 'tooLate',
      isNews: true,
      ifThereIsRoom: true,
    };
    return { told, note: `${name} has ${trackingId} under way: it cannot be stopped` };
  } catch (error) {
    if (error instanceof CarrierError && error.retriable) return 'later';
    throw error;
  }
}

/** By which it was booked (../keys.ts). */
function keyOf({ ports }: Work, { key }: UnsentBooking): string {
  return effectKey(ports.grid.region, key);
}

/** Whether its carrier tries to bring it back. */
async function intercepted(
  carrier: Carrier | undefined,
  trackingId: string,
  key: string,
): Promise<'asked' | 'refused'> {
  try {
    await carrier?.intercept({ trackingId, action: 'return' }, { idempotencyKey: `${key}/return` });
    return 'asked';
  } catch (error) {
    if (error instanceof CarrierError && !error.retriable) return 'refused';
    throw error;
  }
}
