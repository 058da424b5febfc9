// Which way imports may point (docs/ARCHITECTURE.md). Each rule's comment says why; test/architecture.test.ts plants a
// violation of each and sees it found, and sees that modules were read at all.

const { builtinModules } = require('node:module');

const BUILTIN = `^(node:.+|${builtinModules.join('|')})$`;
const BROWSER = '^protocol/client/browser\\.ts$';
const TEST_CODE = '(\\.test\\.ts$|/testing/|^test/)';
const COMPOSITION_ROOT = '^node/(main\\.ts$|cli/)';
const JOURNAL_DRIVER = '^node/journal/(lmdb|redis|memory)/';
const OURS = '^(protocol|node|cluster|orders|console|sim|loadtest|examples|test)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'protocol-imports-nothing-of-ours',
      comment: 'The contract stands alone, so that clients can ship it.',
      severity: 'error',
      from: { path: '^protocol/', pathNot: TEST_CODE },
      to: { path: OURS, pathNot: '^protocol/' },
    },
    {
      name: 'cluster-imports-protocol-only',
      comment: 'protocol ← cluster ← node.',
      severity: 'error',
      from: { path: '^cluster/', pathNot: TEST_CODE },
      to: { path: OURS, pathNot: '^(protocol|cluster)/' },
    },
    {
      name: 'node-imports-protocol-and-cluster-only',
      comment: 'protocol ← cluster ← node.',
      severity: 'error',
      from: { path: '^node/', pathNot: [TEST_CODE, COMPOSITION_ROOT] },
      to: { path: OURS, pathNot: '^(protocol|cluster|node)/' },
    },
    {
      name: 'the-command-line-has-orders-besides',
      comment: 'One program has all commands; what they do stands in the folders below.',
      severity: 'error',
      from: { path: COMPOSITION_ROOT, pathNot: TEST_CODE },
      to: { path: OURS, pathNot: '^(protocol|cluster|node|orders)/' },
    },
    {
      name: 'what-few-processes-need-is-loaded-when-asked-for',
      comment:
        'BullMQ, Redis, carriers over HTTP and metrics are half of what `holdfast orders` would read at its start.',
      severity: 'error',
      from: { path: '^node/cli/', pathNot: TEST_CODE },
      to: {
        path: '^(orders/fulfilment/queue/(bullmq|redis)|orders/shared/redis-log|orders/carriers/http/open|node/cli/orders/metrics)\\.ts$',
        dynamic: false,
      },
    },
    {
      name: 'sourcing-is-pure',
      comment: 'A plan comes from what it is given: no clock, no I/O, and no grid. HiGHS has its thread in highs/.',
      severity: 'error',
      from: { path: '^orders/sourcing/', pathNot: [TEST_CODE, '^orders/sourcing/highs/'] },
      to: {
        pathNot: [
          '^orders/sourcing/[^/]+\\.ts$',
          '^protocol/[^/]+\\.ts$',
          '(^|node_modules/)(zod|luxon|@types/luxon)/',
        ],
      },
    },
    {
      name: 'feeds-are-read-purely',
      comment: 'What a feed says now follows from its document and the time; only the sources do I/O.',
      severity: 'error',
      from: { path: '^orders/feeds/(reading|rows|fuel|weather|capacity|rules)\\.ts$' },
      to: {
        pathNot: [
          '^orders/feeds/(reading|rows|limits|fuel|capacity)\\.ts$',
          '^orders/shared/separators\\.ts$',
          '^orders/sourcing/(geo|promise|rules)\\.ts$',
          '(^|node_modules/)(zod|csv-parse|luxon|@types/luxon)/',
        ],
      },
    },
    {
      name: 'x12-is-pure',
      comment: 'A text is read and written; where it comes from is the business of others.',
      severity: 'error',
      from: { path: '^orders/legacy/x12/', pathNot: TEST_CODE },
      to: {
        pathNot: [
          '^orders/legacy/x12/',
          '^orders/legacy/(currencies|errors|limits|orders|shipment)\\.ts$',
          '^protocol/[^/]+\\.ts$',
        ],
      },
    },
    {
      name: 'simulated-world-is-pure',
      comment: 'What a simulated carrier does comes from its seed and the time it is given: no clock, no I/O.',
      severity: 'error',
      from: { path: '^orders/carriers/simulated/(world|parcels|journey|disruptions|profile|random)\\.ts$' },
      to: {
        pathNot: [
          '^orders/carriers/simulated/(parcels|journey|disruptions|profile|random|limits)\\.ts$',
          '^orders/carriers/[^/]+\\.ts$',
          '^orders/sourcing/geo\\.ts$',
          '(^|node_modules/)(zod|tinyqueue)/',
        ],
      },
    },
    {
      name: 'order-core-is-pure',
      comment: 'An order decides from what it is given, wherever it is hosted: no clock, no I/O.',
      severity: 'error',
      from: { path: '^orders/order/', pathNot: TEST_CODE },
      to: {
        pathNot: [
          '^orders/order/',
          '^orders/reservations/',
          '^protocol/[^/]+\\.ts$',
          '^(node:)?zlib$',
          '(^|node_modules/)zod/',
        ],
      },
    },
    {
      name: 'reservations-are-pure',
      comment: 'What an order decides about its lines follows from what it is told: no clock, no I/O.',
      severity: 'error',
      from: { path: '^orders/reservations/', pathNot: TEST_CODE },
      to: { pathNot: ['^orders/reservations/', '^protocol/', '^(node:)?crypto$'] },
    },
    {
      name: 'exceptions-are-pure',
      comment: 'A decision is replayed from what it was given: no clock, no I/O, and no grid.',
      severity: 'error',
      from: { path: '^orders/exceptions/', pathNot: TEST_CODE },
      to: {
        pathNot: [
          '^orders/exceptions/',
          '^orders/order/(bundle|kinds|settle-command)',
          '(^|node_modules/)(zod|yaml|@marcbachmann/cel-js)/',
        ],
      },
    },
    {
      name: 'transit-is-pure',
      comment: 'What is answered follows from what was told and when: no clock, no randomness, no I/O, and no grid.',
      severity: 'error',
      from: { path: '^orders/transit/', pathNot: TEST_CODE },
      to: { pathNot: ['^orders/transit/', '(^|node_modules/)(@datadog/sketches-js|tinyqueue|msgpackr)/'] },
    },
    {
      name: 'speak-to-the-grid-through-protocol-alone',
      comment: 'The composable seam: each of these is a process of its own, and knows the grid by its wire contract.',
      severity: 'error',
      from: {
        path: '^(orders|console|loadtest|examples)/',
        // The core alone in a loop, to know the machine's limit.
        pathNot: [TEST_CODE, '^loadtest/baseline/(core-loop|core-alone)\\.ts$'],
      },
      to: { path: OURS, pathNot: ['^protocol/', '^$1/'] },
    },
    {
      name: 'sim-imports-cores-and-shells-not-drivers-or-the-gateway',
      comment: 'The simulator runs the real cores over simulated ports; a real socket or disk in it is a mistake.',
      severity: 'error',
      from: { path: '^sim/', pathNot: TEST_CODE },
      to: { path: ['^node/(gateway|cli)/', '^node/journal/(lmdb|redis)/', '^(console|loadtest|examples)/'] },
    },
    {
      name: 'browser-client-reaches-no-node',
      comment: 'holdfast/client in a browser has WebSocket and crypto of the platform, nothing of Node.',
      severity: 'error',
      from: { path: BROWSER },
      to: {
        path: [BUILTIN, '(^|node_modules/)ws/', '^protocol/client/platform-node\\.ts$'],
        reachable: true,
      },
    },
    {
      name: 'core-is-pure',
      comment:
        'The actor decides from what it is given: no clock, no I/O, no package. It may share the contract, and the core of ' +
        'pooled stock, which its state and its events contain.',
      severity: 'error',
      from: { path: '^node/core/', pathNot: TEST_CODE },
      to: { pathNot: ['^node/core/', '^protocol/[^/]+\\.ts$', '^cluster/escrow/[^/]+\\.ts$', '^(node:)?zlib$'] },
    },
    {
      name: 'pool-core-is-pure',
      comment: 'Pooled stock is decided as the actor is, of which it is a part.',
      severity: 'error',
      from: { path: '^cluster/escrow/', pathNot: TEST_CODE },
      to: { pathNot: ['^cluster/escrow/', '^protocol/[^/]+\\.ts$'] },
    },
    {
      name: 'shell-imports-ports-not-drivers',
      comment: 'The shell runs over any store and under any gateway; the composition root chooses them.',
      severity: 'error',
      from: { path: '^node/shell/', pathNot: TEST_CODE },
      to: { path: [JOURNAL_DRIVER, '^node/journal/open\\.ts$', '^node/gateway/'] },
    },
    {
      name: 'drivers-are-opened-in-one-place',
      comment: 'Everyone else knows the journal by its port; open.ts picks the driver by the store’s address.',
      severity: 'error',
      from: { path: '^node/', pathNot: [TEST_CODE, '^node/journal/open\\.ts$', '^node/journal/(lmdb|redis|memory)/'] },
      to: { path: JOURNAL_DRIVER },
    },
    {
      name: 'drivers-do-not-know-each-other',
      comment: 'What two drivers share belongs beside the port.',
      severity: 'error',
      from: { path: '^node/journal/(lmdb|redis|memory)/', pathNot: TEST_CODE },
      to: { path: JOURNAL_DRIVER, pathNot: '^node/journal/$1/' },
    },
    {
      name: 'journal-knows-nothing-above-it',
      comment: 'Records are bytes to the journal, whoever decides or asks.',
      severity: 'error',
      from: { path: '^node/journal/', pathNot: TEST_CODE },
      to: { path: '^node/(core|shell|gateway|cli|main)' },
    },
    {
      name: 'gateway-asks-the-grid-only',
      comment: 'The gateway knows the actors by node/shell/grid.ts; what is behind it is not its business.',
      severity: 'error',
      from: { path: '^node/gateway/', pathNot: TEST_CODE },
      to: { path: ['^node/(core|journal|cli)/', '^node/shell/', '^cluster/'], pathNot: '^node/shell/grid\\.ts$' },
    },
    {
      name: 'only-the-composition-root-puts-things-together',
      comment: 'Nothing below imports the worker or its command line.',
      severity: 'error',
      from: { pathNot: [COMPOSITION_ROOT, TEST_CODE] },
      to: { path: COMPOSITION_ROOT },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle has no first file to read.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-test-code-in-production',
      comment: 'Helpers of tests are not built and not shipped; the simulator is a test that also runs by itself.',
      severity: 'error',
      from: { path: OURS, pathNot: [TEST_CODE, '^sim/'] },
      to: { path: [TEST_CODE, '(^|node_modules/)(vitest|fast-check|playwright-core)/'] },
    },
    {
      name: 'no-development-package-in-production',
      comment: 'npm ci --omit=dev must run; benchmarks are not shipped, and are built with the development packages.',
      severity: 'error',
      from: { path: OURS, pathNot: [TEST_CODE, '^loadtest/'] },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'no-undeclared-package',
      comment: 'What is imported stands in package.json.',
      severity: 'error',
      from: { path: OURS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable-import',
      comment: 'A rule cannot see where an import leads that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|data|docs|deploy|coverage|reports)/|^(k6|node_modules/@types/k6)(/|$)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
