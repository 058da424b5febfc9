// The mistakes that are planted to see the simulator find them are changes of the compiled program by its text: they must
// go on fitting it. Finding them takes an hour: `npm run sim:planted`.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { edited, MISTAKES } from '../sim/planted/mistakes.ts';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

describe('the mistakes to be planted', () => {
  it.each(MISTAKES)('given the build, then it can still be planted: $name', ({ edits }) => {
    for (const edit of edits) {
      const text = readFileSync(`${DIST}${edit.file}`, 'utf8');
      expect(edited(text, edit), `${edit.file} does not have: ${edit.find}`).not.toBe(text);
    }
  });
});
