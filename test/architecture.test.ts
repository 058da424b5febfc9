// The directions of imports that docs/ARCHITECTURE.md draws: kept by the sources, and each rule able to see a breach.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
/** Without its parser for TypeScript the tool reads no module, and then finds nothing wrong. */
const MODULES_MIN = 120;

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

interface Summary {
  readonly violations: readonly Violation[];
  readonly totalCruised: number;
}

/** One breach a rule: the file that commits it, and what the file says. */
const BREACHES: Readonly<Record<string, readonly [file: string, source: string]>> = {
  'protocol-imports-nothing-of-ours': ['protocol/a.ts', "import '../cluster/target.ts';"],
  'cluster-imports-protocol-only': ['cluster/a.ts', "import type { T } from '../node/core/target.ts';"],
  'node-imports-protocol-and-cluster-only': ['node/metrics/a.ts', "import '../../loadtest/target.ts';"],
  'the-command-line-has-orders-besides': ['node/cli/a.ts', "import '../../loadtest/target.ts';"],
  'what-few-processes-need-is-loaded-when-asked-for': ['node/cli/b.ts', "import './orders/metrics.ts';"],
  'sourcing-is-pure': ['orders/sourcing/a.ts', "import { readFileSync } from 'node:fs';"],
  'simulated-world-is-pure': ['orders/carriers/simulated/world.ts', "import { readFileSync } from 'node:fs';"],
  'order-core-is-pure': ['orders/order/a.ts', "import { readFileSync } from 'node:fs';"],
  'exceptions-are-pure': ['orders/exceptions/a.ts', "import { readFileSync } from 'node:fs';"],
  'reservations-are-pure': ['orders/reservations/a.ts', "import { readFileSync } from 'node:fs';"],
  'feeds-are-read-purely': ['orders/feeds/fuel.ts', "import { readFileSync } from 'node:fs';"],
  'x12-is-pure': ['orders/legacy/x12/a.ts', "import { readFileSync } from 'node:fs';"],
  'transit-is-pure': ['orders/transit/a.ts', "import { readFileSync } from 'node:fs';"],
  'speak-to-the-grid-through-protocol-alone': ['orders/a.ts', "import { T } from '../node/shell/target.ts';"],
  'sim-imports-cores-and-shells-not-drivers-or-the-gateway': ['sim/a.ts', "import '../node/journal/lmdb/target.ts';"],
  'browser-client-reaches-no-node': ['protocol/client/browser.ts', "import './via.ts';"],
  'core-is-pure': ['node/core/a.ts', "import { readFileSync } from 'node:fs';"],
  'pool-core-is-pure': ['cluster/escrow/a.ts', "import { readFileSync } from 'node:fs';"],
  'shell-imports-ports-not-drivers': ['node/shell/a.ts', "export * from '../gateway/target.ts';"],
  'drivers-are-opened-in-one-place': ['node/metrics/b.ts', "import '../journal/redis/target.ts';"],
  'drivers-do-not-know-each-other': ['node/journal/memory/a.ts', "import '../lmdb/target.ts';"],
  'journal-knows-nothing-above-it': ['node/journal/a.ts', "import '../shell/target.ts';"],
  'gateway-asks-the-grid-only': ['node/gateway/a.ts', "const later = import('../shell/target.ts');"],
  'only-the-composition-root-puts-things-together': ['cluster/b.ts', "import '../node/main.ts';"],
  'no-cycles': ['protocol/cycle-a.ts', "import './cycle-b.ts';"],
  'no-test-code-in-production': ['node/shell/b.ts', "import './testing/target.ts';"],
  'no-development-package-in-production': ['node/shell/c.ts', "import 'a-development-package';"],
  'no-undeclared-package': ['node/shell/d.ts', "import 'an-undeclared-package';"],
  'no-unresolvable-import': ['node/shell/e.ts', "import './nowhere.ts';"],
};

/** What the breaches lead to. */
const SURROUNDINGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'cluster',
      'loadtest',
      'node/core',
      'node/shell',
      'node/shell/testing',
      'node/gateway',
      'node/journal/lmdb',
      'node/journal/redis',
    ].map((folder) => [`${folder}/target.ts`, 'export type T = 1;']),
  ),
  'node/main.ts': '',
  'node/cli/orders/metrics.ts': '',
  'protocol/client/via.ts': "import 'node:fs/promises';",
  'protocol/cycle-b.ts': "import './cycle-a.ts';",
  'package.json': JSON.stringify({ type: 'module', devDependencies: { 'a-development-package': '1.0.0' } }),
  'node_modules/a-development-package/package.json': '{ "name": "a-development-package", "main": "index.js" }',
  'node_modules/a-development-package/index.js': '',
  'node_modules/an-undeclared-package/package.json': '{ "name": "an-undeclared-package", "main": "index.js" }',
  'node_modules/an-undeclared-package/index.js': '',
};

describe('the directions of imports', () => {
  it('are kept by all sources', async () => {
    const { violations, totalCruised } = await cruise(ROOT);

    expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
    expect(totalCruised).toBeGreaterThanOrEqual(MODULES_MIN);
  });

  describe('are seen when broken', () => {
    let planted: string;
    let found: Summary;

    beforeAll(async () => {
      planted = await mkdtemp(join(tmpdir(), 'holdfast-architecture-'));
      const files = { ...SURROUNDINGS, ...Object.fromEntries(Object.values(BREACHES)) };
      for (const [file, source] of Object.entries(files)) {
        await mkdir(dirname(join(planted, file)), { recursive: true });
        await writeFile(join(planted, file), source);
      }
      found = await cruise(planted);
    });

    afterAll(() => rm(planted, { recursive: true, force: true }));

    it('with one breach planted for each rule', () => {
      const { forbidden } = createRequire(import.meta.url)(CONFIG) as { forbidden: { name: string }[] };
      expect(Object.keys(BREACHES).sort()).toEqual(forbidden.map((rule) => rule.name).sort());
    });

    it.each(Object.entries(BREACHES))('%s', (name, [file]) => {
      expect(found.violations.map(({ rule, from }) => ({ name: rule.name, from }))).toContainEqual({
        name,
        from: file,
      });
    });
  });
});

/** Runs the tool as CI does, over `directory`. Exits with the number of violations, so that failing is no error. */
function cruise(directory: string): Promise<Summary> {
  const args = [CRUISER, '--config', CONFIG, '--output-type', 'json', '.'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      try {
        resolve((JSON.parse(stdout) as { summary: Summary }).summary);
      } catch {
        reject(new Error(`dependency-cruiser gave no result: ${stderr.slice(-2_000)}`, { cause: error }));
      }
    });
  });
}
