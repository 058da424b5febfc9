// Prints what failed in Vitest's JSON results, and as the last line of the CI run `N passed, N failed`: FAILED_STEPS RESULT…
// The failures again, because whoever sees only the end of the output must know which test it was and what it said.
// Exits non-zero when anything failed, a result is missing, or no test ran.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const MAX_TOLD = 5;
const MAX_LINES = 12;

const [failedSteps, ...results] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
const told = [];
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
  for (const { name, message } of unloaded) told.push({ name: relative('.', name), said: message });
  for (const { name, assertionResults } of result.testResults) {
    for (const test of assertionResults.filter((one) => one.status === 'failed')) {
      told.push({ name: `${relative('.', name)} > ${test.fullName}`, said: test.failureMessages.join('\n') });
    }
  }
}
for (const { name, said } of told.slice(0, MAX_TOLD)) {
  const lines = stripVTControlCharacters(said).split('\n');
  console.log(`FAILED TEST: ${name}`);
  for (const line of lines.slice(0, MAX_LINES)) console.log(`  ${line}`);
  if (lines.length > MAX_LINES) console.log(`  … and ${lines.length - MAX_LINES} more lines`);
}
if (told.length > MAX_TOLD) console.log(`FAILED TEST: and ${told.length - MAX_TOLD} more`);
// A failed lint or smoke is a failure too, though no test counts it.
if (failed === 0) failed = Number(failedSteps);
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
