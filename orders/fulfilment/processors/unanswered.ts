// A carrier that does not say what it has booked, or whether it takes that back. It is asked again and again; what has taken too long is an
// exception, raised again in every further period where it was settled and nothing came of it.
import { NOT_TAKEN_BACK, UNANSWERED } from '../../order/unanswered.ts';
import { UNANSWERED_AFTER_MS } from '../limits.ts';
import type { Told, Work } from '../processor.ts';

/** About a booking that its package waits for. Nothing as long as that is young. */
export function unanswered(
  work: Work,
  booking: { readonly carrier: string; readonly service: string },
): readonly Told[] {
  return raised(work, booking, UNANSWERED);
}

/** About one of a package that is not sent so any more. */
export function notTakenBack(
  work: Work,
  booking: { readonly carrier: string; readonly service: string },
): readonly Told[] {
  return raised(work, booking, NOT_TAKEN_BACK);
}

function raised(
  { task, ports: { clock } }: Work,
  { carrier, service }: { readonly carrier: string; readonly service: string },
  code: typeof UNANSWERED | typeof NOT_TAKEN_BACK,
): readonly Told[] {
  const waitedMs = clock.now() - clock.fromGrid(task.dueAt);
  const periods = Math.floor(waitedMs / UNANSWERED_AFTER_MS);
  if (periods < 1) return [];
  const message = `${carrier} has not said for ${Math.round(waitedMs / 3_600_000)} h what became of a booking`;
  return [
    {
      command: {
        type: 'raise',
        kind: 'carrierOutage',
        packageId: task.key,
        evidence: { carrier, service, code, message },
      },
      step: `${code}@${periods}`,
      isNews: true,
      ifThereIsRoom: true,
    },
  ];
}
