// From quantiles to the probability of still being on the way after so many days.

/** Slowest tail that is believed in beyond the last quantile: the share still on its way falls at least with the days to this power. */
const TAIL_POWER_MIN = 2;
/** And the fastest: quantiles that nearly coincide would say that nothing can take longer. */
const TAIL_POWER_MAX = 10;

/**
 * The share of parcels, 0 to 1, that take longer than so many days. Linear between quantiles and from none at 0 days to the first; beyond
 * the last it falls as a power of the days, as steep as between the last two. Never 0.
 * @param shares ascending; @param quantiles days, ascending, one for each share
 */
export function survivalOf(shares: readonly number[], quantiles: ArrayLike<number>): (days: number) => number {
  const last = shares.length - 1;
  const [endDays, left] = [quantiles[last] as number, 1 - (shares[last] as number)];
  const steepness = steepnessOf(shares, quantiles);
  return (days) => {
    if (days <= 0) return 1;
    if (days >= endDays) return left * (days / endDays) ** -steepness;
    // From the end, as what is asked of are mostly high quantiles.
    let n = last;
    while (n > 0 && days < (quantiles[n - 1] as number)) n--;
    const fromDays = n === 0 ? 0 : (quantiles[n - 1] as number);
    const fromShare = n === 0 ? 0 : (shares[n - 1] as number);
    const toDays = quantiles[n] as number;
    const toShare = shares[n] as number;
    return 1 - (fromShare + ((toShare - fromShare) * (days - fromDays)) / (toDays - fromDays));
  };
}

/** Between the last two quantiles: the power of the days that the share still on its way falls with. */
function steepnessOf(shares: readonly number[], quantiles: ArrayLike<number>): number {
  const last = shares.length - 1;
  const [before, end] = [quantiles[last - 1] as number, quantiles[last] as number];
  if (end <= before) return TAIL_POWER_MAX;
  const shareRatio = (1 - (shares[last - 1] as number)) / (1 - (shares[last] as number));
  const power = Math.log(shareRatio) / Math.log(end / before);
  return Math.min(TAIL_POWER_MAX, Math.max(TAIL_POWER_MIN, power));
}
