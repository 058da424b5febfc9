// Browse, reserve, and then commit, release or let it expire.
import { settingsOf } from './lib/settings.ts';
import { shopping } from './lib/shopping.ts';

export { handleSummary } from './lib/report.ts';

const scenario = shopping(settingsOf('mixed'));
export const { options, setup, teardown } = scenario;
export default scenario.run;
