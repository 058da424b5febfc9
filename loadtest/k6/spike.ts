// A multiple of the rate for the middle third of the run, then as before: does it come back?
import { reserving } from './lib/reserving.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const { rate, factor, ...settings } = settingsOf('spike');
const FROM_MS = settings.durationMs / 3;
const TO_MS = (2 * settings.durationMs) / 3;

const scenario = reserving({
  ...settings,
  rate: (ms) => (ms >= FROM_MS && ms < TO_MS ? factor * rate : rate),
  // A grid that is asked too much may say so; it may not be slow about it.
  expected: ['OVERLOADED'],
});
export const { options, setup } = scenario;
export default scenario.run;
