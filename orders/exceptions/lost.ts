// How likely a parcel that is not seen any more is lost, from what is known of carriers in general.

/** Of all parcels: lost, and lying about somewhere for days. */
const LOST_SHARE = 0.004;
const STUCK_SHARE = 0.01;
/** A parcel is seen twice a day; one that is not is seen again after so long on the average, by how it fares. Hours. */
const SEEN_WITHIN = 12;
const UNSEEN_MEAN = 28;
const STUCK_FROM = 24;
const STUCK_MEAN = 72;

/** Bayes: of those not seen for so long, how many were lost. Chosen on simulated carriers with strikes and storms (docs/decisions.md). */
export function lostProbability(unseenHours: number): number {
  const unseen = (from: number, mean: number): number => Math.exp(-Math.max(0, unseenHours - from) / mean);
  const silent = (1 - STUCK_SHARE) * unseen(SEEN_WITHIN, UNSEEN_MEAN) + STUCK_SHARE * unseen(STUCK_FROM, STUCK_MEAN);
  return LOST_SHARE / (LOST_SHARE + (1 - LOST_SHARE) * silent);
}
