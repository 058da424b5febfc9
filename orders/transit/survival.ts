// From quantiles to the probability of still being on the way after so many days.

/** Slowest tail that is believed in beyond the last quantile: the share still on its way falls at least with the days to this power. */
const TAIL_POWER_MIN = 2;
/** And the fastest: quantiles that nearly coincide would say that nothing can take longer. */
const TAIL_POWER_MAX = 10;

/**
 * The share of parcels, 0 to 1, that take longer than `days`. Linear between quantiles and from none at 0 days to the first; beyond
 * the last it falls as a power of the days, as steep as between the last two. Never 0.
 * @param shares ascending; @param quantiles days, ascending, one for each share
 */
export function survival(shares: readonly number[], quantiles: ArrayLike<number>, days: number): number {
  if (days <= 0) return 1;
  let [fromDays, fromShare] = [0, 0];
  for (let n = 0; n < shares.length; n++) {
    const toDays = quantiles[n] as number;
    const toShare = shares[n] as number;
    if (days < toDays) return 1 - (fromShare + ((toShare - fromShare) * (days - fromDays)) / (toDays - fromDays));
    fromDays = toDays;
    fromShare = toShare;
  }
  const last = shares.length - 1;
  const [before, end] = [quantiles[last - 1] as number, quantiles[last] as number];
  const steepness =
    end > before
      ? Math.log((1 - (shares[last - 1] as number)) / (1 - fromShare)) / Math.log(end / before)
      : TAIL_POWER_MAX;
  return (1 - fromShare) * (days / end) ** -Math.min(TAIL_POWER_MAX, Math.max(TAIL_POWER_MIN, steepness));
}
