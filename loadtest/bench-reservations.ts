// `npm run bench:reservations`: what a live reservation weighs, by how many of a SKU are live, with and without an owner.
import { InvalidArgumentError } from 'commander';
import { describeMachine, machineLine } from './harness/machine.ts';
import { benchmarkCommand, type CommonOptions, parsedOption, parseNames } from './harness/options.ts';
import { Service, script } from './harness/processes.ts';
import { Report } from './harness/report.ts';
import { alignedTable } from './harness/statistics.ts';
import { REGION } from './harness/systems.ts';
import type { Section } from './report/section.ts';

interface Live {
  readonly skus: number;
  readonly each: number;
}

interface Options extends CommonOptions {
  readonly live: Live[];
}

/** What is promised, bytes. */
const GOAL = 250;
const LIVE =
  '20000x1,20000x2,20000x4,20000x10,10000x23,5000x40,5000x52,5000x64,2000x90,2000x180,500x1000,100x10000,1x100000,1x1000000';

const options = benchmarkCommand('bench:reservations', 'Memory of a live reservation with its remembered request.')
  .addOption(parsedOption('--live <list>', 'SKUs × live reservations of each', parseLive, LIVE))
  .parse()
  .opts<Options>();

const machine = describeMachine();
const report = new Report(options.reports, 'bench-reservations');
console.log(machineLine(machine));
const rows: string[][] = [];
for (const live of options.live) {
  const [without, own] = [await weigh(live, []), await weigh(live, ['--owners'])];
  rows.push([`${live.skus.toLocaleString('en')} × ${live.each.toLocaleString('en')}`, shown(without), shown(own)]);
  report.write({ machine, options, rows, sections: [section()] });
  console.log(rows.at(-1)?.join(' | '));
}
console.log(`\n${alignedTable(section().table ?? [])}\n\nwrote ${report.path}`);

async function weigh({ skus, each }: Live, more: readonly string[]): Promise<number> {
  let last = '';
  const args = ['--skus', String(skus), '--each', String(each), '--region', REGION, ...more];
  const command = ['--expose-gc', '--max-old-space-size=4096', script('baseline/reservation-bytes'), ...args];
  const service = new Service('reservations', process.execPath, command, (line) => {
    last = line;
  });
  if ((await service.exited) !== 0) throw new Error(`the core failed: ${service.output}`);
  return (JSON.parse(last) as { bytes: number }).bytes;
}

function shown(bytes: number): string {
  return `${bytes.toFixed(0)}${bytes > GOAL ? ' (missed)' : ''}`;
}

function section(): Section {
  return {
    title: 'A live reservation',
    text: `Growth of heapUsed + external after four collections, the core alone, over what the same SKUs take without reservations; each with its remembered request. Goal: ${GOAL} bytes.`,
    table: [['SKUs × live of each', 'without an owner, bytes', 'each with an owner of its own'], ...rows],
  };
}

/** `20000x4,1x1000000` */
function parseLive(text: string): Live[] {
  return parseNames(text).map((name) => {
    const [skus = 0, each = 0, ...rest] = name.split(/[x×]/).map(Number);
    if (!(skus >= 1) || !(each >= 1) || rest.length > 0) {
      throw new InvalidArgumentError(`"${name}" is not SKUSxRESERVATIONS, as in 20000x4.`);
    }
    return { skus, each };
  });
}
