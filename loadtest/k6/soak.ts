// A day's work for hours: everything a buyer does, at a rate that is no effort.
import { settingsOf } from './lib/settings.ts';
import { shopping } from './lib/shopping.ts';

export { handleSummary } from './lib/report.ts';

const scenario = shopping(settingsOf('soak'));
export const { options, setup, teardown } = scenario;
export default scenario.run;
