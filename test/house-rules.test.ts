// House rules that no linter of ours knows: sizes, first comments, and what must not be in a source at all.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINES_MAX = 500;
/** Made by tools, not written by us. */
const FOREIGN = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage', 'reports', 'package-lock.json']);
const TEXT = /\.(ts|mjs|cjs|js|json|md|yml|yaml|sh)$|(^|\/)Dockerfile$|^\.ci\//;
const THIS_FILE = 'test/house-rules.test.ts';

const TEXTS = new Map(
  readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => !FOREIGN.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(entry.name) : [entry.name]))
    .filter((file) => file !== THIS_FILE && TEXT.test(file))
    .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')] as const),
);
const SOURCES = new Map([...TEXTS].filter(([file]) => file.endsWith('.ts')));
const TESTS = new Map([...SOURCES].filter(([file]) => file.endsWith('.test.ts')));
const CORE = new Map(
  [...SOURCES].filter(([file]) => file.startsWith('node/core/') && !/\.test\.|\/testing\//.test(file)),
);

/** `file:line: text` of each line that matches. */
function offences(files: ReadonlyMap<string, string>, pattern: RegExp): string[] {
  return [...files].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
}

describe('house rules', () => {
  it('looks at the sources', () => {
    expect(SOURCES.size).toBeGreaterThan(100);
    expect(CORE.size).toBeGreaterThan(10);
  });

  it('a source says its one job in its first line', () => {
    const silent = [...SOURCES].filter(([, text]) => !/^(#!.*\n)?(\/\/ |\/\*\*?)/.test(text)).map(([file]) => file);
    expect(silent).toEqual([]);
  });

  it(`a source has at most ${LINES_MAX} lines`, () => {
    const long = [...SOURCES].filter(([, text]) => text.split('\n').length - 1 > LINES_MAX).map(([file]) => file);
    expect(long).toEqual([]);
  });

  it('the core reads no clock, draws no lots, waits for nothing', () => {
    const impure =
      /\b(Date\.now|new Date|Math\.random|performance|process|setTimeout|setInterval|queueMicrotask|console)\b|\bawait\b|\basync\b|\bcrypto\b/;
    const code = new Map([...CORE].map(([file, text]) => [file, withoutComments(text)]));
    expect(offences(code, impure)).toEqual([]);
  });

  it('no test is left out', () => {
    expect(offences(TESTS, /\b(it|test|describe)(\.\w+)*\.(only|skip|todo|skipIf|runIf|fails)\b/)).toEqual([]);
  });

  it('no work is left for later without an owner', () => {
    expect(offences(TEXTS, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  it('no path of one machine', () => {
    expect(offences(TEXTS, /(^|[\s'"`(=])\/(work|home|root|Users)\//)).toEqual([]);
  });
});

/** Keeps the lines, so that an offence names the right one. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, '')).replace(/\/\/.*$/gm, '');
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
