// From one rate to another: the report says at which latency left its bound, and the run ends soon after. Where k6 itself sends
// late, it is k6 that broke, and the report says that too.
import { reserving } from './lib/reserving.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const { rate, peak, ...settings } = settingsOf('ramp');

const scenario = reserving({
  ...settings,
  rate: (ms) => rate + ((peak - rate) * ms) / settings.durationMs,
  expected: ['OVERLOADED'],
  abortOnLate: true,
});
export const { options, setup } = scenario;
export default scenario.run;
