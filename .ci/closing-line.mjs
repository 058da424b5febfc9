// Prints `N passed, N failed` of Vitest's JSON results, as the last line of the CI run: FAILED_STEPS RESULT…
// Exits non-zero when anything failed, a result is missing, or no test ran.
import { readFileSync } from 'node:fs';

const [failedSteps, ...results] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of results) {
  let result;
  try {
    result = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The step that should have written it says why it did not.
    failed += 1;
    continue;
  }
  passed += result.numPassedTests;
  skipped += result.numPendingTests + result.numTodoTests;
  // A file that cannot be loaded has no test that could fail.
  const unloaded = result.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0);
  failed += result.numFailedTests + unloaded.length;
}
// A failed lint or smoke is a failure too, though no test counts it.
if (failed === 0) failed = Number(failedSteps);
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
