// Options that the benchmarks share, and how their values are read.
import { Command, InvalidArgumentError, Option } from 'commander';
import { makeDirectory } from './directories.ts';
import type { Shape } from './measure.ts';

export interface CommonOptions {
  readonly dir: string;
  readonly reports: string;
  readonly quietWait: number;
}

/** Of a command line that cannot be used, and of a run that has nothing to measure. */
export const EXIT_USAGE = 2;

/** Where a report goes; says why it cannot be made, and ends the process, before anything is measured. */
export function makeReports(dir: string, option = '--reports'): void {
  try {
    makeDirectory(dir);
  } catch (error) {
    console.error(`${option} ${dir}: ${(error as Error).message}; choose a directory that this user may write`);
    process.exit(EXIT_USAGE);
  }
}

/** @param name as npm knows it */
export function benchmarkCommand(name: string, about: string): Command {
  return new Command(`npm run ${name} --`)
    .description(about)
    .configureHelp({ optionDescription: described })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
    .option('--dir <dir>', 'where the stores live while they are measured; must be a real disk', 'data/bench')
    .option('--reports <dir>', 'where the JSON goes', 'reports')
    .option('--quiet-wait <s>', 'wait so long for other processes to leave the processors alone', parseCount, 20);
}

/** What it is when nobody says stands in the help as it would be typed. */
function described({
  description,
  defaultValue,
  defaultValueDescription = String(defaultValue ?? ''),
}: Option): string {
  return defaultValueDescription === '' ? description : `${description} (default: ${defaultValueDescription})`;
}

/** An option whose values are not text or numbers, with what it is when nobody says, as it would be typed. */
export function parsedOption<T>(flags: string, about: string, parse: (text: string) => T, usual: string): Option {
  return new Option(flags, about).argParser(parse).default(parse(usual), usual);
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('not a whole number.');
  return value;
}

/** Of what there has to be at least one. */
export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value === 0) throw new InvalidArgumentError('must be above 0.');
  return value;
}

/** Seconds, or times; parts of them too. */
export function parseAmount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0.');
  return value;
}

/** One of a few, by name. */
export function parseOneOf(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (!names.includes(text)) throw new InvalidArgumentError(`one of ${names.join(', ')}.`);
    return text;
  };
}

/** Some of a few, by name and with commas. */
export function parseSomeOf(names: readonly string[]): (text: string) => string[] {
  const parse = parseOneOf(names);
  return (text) => parseNames(text).map(parse);
}

/** `1000,100000` */
export function parseCounts(text: string): number[] {
  return parseNames(text).map(parseCount);
}

export function parseNames(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}

/** `16x64,32x1`: connections × in flight. */
export function parseShapes(text: string): Shape[] {
  return parseNames(text).map((shape) => {
    const [connections = 0, inFlight = 0, ...rest] = shape.split(/[x×]/).map(Number);
    if (!(connections >= 1) || !(inFlight >= 1) || rest.length > 0) {
      throw new InvalidArgumentError(`"${shape}" is not CONNECTIONSxIN_FLIGHT, as in 16x64.`);
    }
    return { connections, inFlight };
  });
}

/** What SKUs a load is spread over, and how unevenly: see LoadSpec. */
export interface Keys {
  readonly skus: number;
  readonly zipf: number;
}

/** The exponent of popularity in catalogues: the best seller twice as often as the second, three times as the third. */
const ZIPF = 1;

/** `hot,100000,zipf:100000` */
export function parseKeys(text: string): Keys[] {
  return parseNames(text).map((name) => {
    if (name === 'hot') return { skus: 1, zipf: 0 };
    const [, zipf, count] = /^(zipf:)?(.*)$/.exec(name) as unknown as [string, string | undefined, string];
    return { skus: parsePositive(count), zipf: zipf === undefined ? 0 : ZIPF };
  });
}

export function showKeys({ skus, zipf }: Keys): string {
  return zipf === 0 ? showSkus(skus) : `${skus.toLocaleString('en')} SKUs, Zipf ${zipf}`;
}

/** `hot,100000`: numbers of SKUs. */
export function parseSkuCounts(text: string): number[] {
  return parseNames(text).map((name) => (name === 'hot' ? 1 : parsePositive(name)));
}

export function showSkus(skus: number): string {
  return skus === 1 ? 'hot SKU' : `${skus.toLocaleString('en')} SKUs`;
}

export function showShape({ connections, inFlight }: Shape): string {
  return `${connections} × ${inFlight}`;
}
