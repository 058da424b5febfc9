// Reserves at a constant rate, whatever the grid makes of it.
import { reserving } from './lib/reserving.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const { rate, ...settings } = settingsOf('steady');

const scenario = reserving({ ...settings, rate: () => rate });
export const { options, setup } = scenario;
export default scenario.run;
