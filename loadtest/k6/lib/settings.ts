// What the runner was asked for, as the scenarios read it.
import { RUN_VARIABLE, type Run, SCENARIOS, type ScenarioName, type SettingsOf } from './scenarios.ts';

export const RUN = asked();
export const HTTP_URL = RUN.url.replace(/^ws/, 'http');
/** What proves who asks, where the grid wants to know. */
export const CREDENTIALS: Readonly<Record<string, string>> =
  (__ENV.HOLDFAST_TOKEN ?? '') === '' ? {} : { authorization: `Bearer ${__ENV.HOLDFAST_TOKEN}` };

/** The options of the scenario that runs; what was not asked for is as usual. */
export function settingsOf<S extends ScenarioName>(scenario: S): SettingsOf<S> {
  return { ...SCENARIOS[scenario].usual, ...RUN.settings } as SettingsOf<S>;
}

function asked(): Run {
  const text = __ENV[RUN_VARIABLE];
  if (text === undefined) throw new Error('to be run by: npm run loadtest -- SCENARIO');
  return JSON.parse(text) as Run;
}
