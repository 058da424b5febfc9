// The history that `holdfast policy` looks at: from a file, or from the journal of a grid, which may go on working meanwhile.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { HistoryInvalid, readHistoryLine } from '../../../orders/exceptions/history.ts';
import { historyOf } from '../../../orders/exceptions/journeys.ts';
import { HISTORY_EVENTS_MAX } from '../../../orders/exceptions/limits.ts';
import type { Window } from '../../../orders/exceptions/replay.ts';
import type { ExceptionEvent } from '../../../orders/exceptions/state.ts';
import { messageOf, UserError, usageError } from '../exit.ts';
import { collect, DEFAULT_DATA_DIR, LOCAL_REGIONS, parseRegion, parseStore, storeOf } from '../options.ts';
import { counted, type Output } from '../output.ts';
import { describeStore } from '../worker-options.ts';

/** Lines of a history that are named as wrong; the rest is counted. */
const WRONG_LINES_SHOWN_MAX = 20;

export interface HistoryOptions {
  readonly history?: string;
  readonly from?: string;
  readonly to?: string;
  readonly region?: string[];
  readonly dataDir: string;
  readonly store?: string;
  readonly json: boolean;
}

export function withHistory(command: Command): Command {
  return command
    .option(
      '--history <file>',
      'events of exceptions, or orders with their journeys, one JSON object a line; without it the orders of a grid, from its journal',
    )
    .option('--data-dir <dir>', 'where the embedded store of the grid keeps its files', DEFAULT_DATA_DIR)
    .option('--store <url>', 'the store of the grid: redis://host:port, or lmdb:DIR', parseStore)
    .option('--region <name>', 'only orders of this region; may be repeated', collect(parseRegion))
    .option('--from <time>', 'from this date or time on (2026-11-01, 2026-11-01T12:00:00Z); without it from the first')
    .option('--to <time>', 'before this date or time; without it to the last')
    .option('--json', 'write one JSON object', false);
}

export function windowOf({ from, to }: Pick<HistoryOptions, 'from' | 'to'>): Window {
  const window = { from: timeOf(from, '--from') ?? 0, to: timeOf(to, '--to') ?? Number.MAX_SAFE_INTEGER };
  if (window.from >= window.to) throw usageError('--from is not before --to');
  return window;
}

function timeOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw usageError(`${option} ${text} is no date or time such as 2026-11-01 or 2026-11-01T12:00:00Z`);
  return time;
}

/**
 * As they happened; of a grid the orders that have to do with the window.
 * @throws UserError naming the lines that are wrong, or what cannot be read
 */
export async function readHistory(options: HistoryOptions, window: Window, output: Output): Promise<History> {
  const { events, looked } =
    options.history === undefined ? await readGrid(options, window, output) : await readFile(options.history, output);
  // Also where several journeys were written one after the other.
  return { events: [...events].sort((a, b) => a.at - b.at), looked };
}

export interface History {
  readonly events: readonly ExceptionEvent[];
  /** What was looked through for them: so many orders, or lines of a file. */
  readonly looked: string;
}

async function readFile(file: string, output: Output): Promise<History> {
  const events: ExceptionEvent[] = [];
  const wrong: string[] = [];
  let lines = 0;
  let others = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      lines++;
      if (text.trim() === '') continue;
      try {
        const read = readHistoryLine(text);
        if (read.length === 0) others++;
        take(events, read);
      } catch (error) {
        if (!(error instanceof HistoryInvalid)) throw error;
        wrong.push(`line ${lines}: ${error.message}`);
      }
    }
  } catch (error) {
    throw error instanceof UserError ? error : usageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  if (wrong.length > 0) {
    const more = wrong.length > WRONG_LINES_SHOWN_MAX ? `\nand ${wrong.length - WRONG_LINES_SHOWN_MAX} more` : '';
    throw usageError(
      `${file} cannot be used:\n${wrong.slice(0, WRONG_LINES_SHOWN_MAX).join('\n')}${more}`,
      'docs/orders.md has the form of a history.',
    );
  }
  if (others > 0) output.note(`${counted(others, 'line')} of ${file} not about exceptions`);
  return { events, looked: counted(lines, 'line') };
}

async function readGrid(options: HistoryOptions, window: Window, output: Output): Promise<History> {
  const storeUrl = storeOf(options);
  if (storeUrl === 'memory:') throw usageError('memory: keeps no journal that could be read');
  const storeName = describeStore(storeUrl);
  // Loaded here alone: no other command waits for the stores to load.
  const [{ openStore }, { openJourneys }] = await Promise.all([
    import('../../journal/open.ts'),
    import('../audit/journeys.ts'),
  ]);
  const store = await openStore(storeUrl, { readOnly: true }).catch((error: Error) => {
    throw new UserError(`the store ${storeName} cannot be read: ${error.message}`, WHERE);
  });
  const events: ExceptionEvent[] = [];
  let regions = 0;
  let looked = 0;
  try {
    for (const region of options.region ?? LOCAL_REGIONS) {
      output.note(`reading the orders of ${region} from ${storeName}`);
      const journeys = await openJourneys(store, region).catch((error: Error) => {
        if (error.name !== 'RegionUnknown') throw error;
        if (options.region !== undefined) throw new UserError(`${storeName} holds no journal of ${region}`, WHERE);
        return undefined;
      });
      if (journeys === undefined) continue;
      regions += 1;
      const progress = output.progress(journeys.orders, 'orders');
      let orders = 0;
      for (const journey of journeys.read()) {
        const history = historyOf(journey);
        if (history.some((event) => isWithin(event, window))) take(events, history);
        progress.update(++orders);
        looked += 1;
      }
      progress.stop();
    }
  } finally {
    await store.close();
  }
  if (regions === 0) throw new UserError(`${storeName} holds no journal of ${LOCAL_REGIONS.join(' or ')}`, WHERE);
  return { events, looked: counted(looked, 'order') };
}

const WHERE = 'Say where the journal is with --data-dir or --store, and which --region, or give a file with --history.';

function isWithin(event: ExceptionEvent, { from, to }: Window): boolean {
  if (event.type === 'exceptionSettled') return false;
  return [event.at, event.situation.openedAt].some((at) => at >= from && at < to);
}

function take(events: ExceptionEvent[], more: readonly ExceptionEvent[]): void {
  if (events.length + more.length > HISTORY_EVENTS_MAX) {
    throw usageError(
      `there are more than ${HISTORY_EVENTS_MAX} events about exceptions`,
      'Look at them in parts, with --from and --to, or a shorter file.',
    );
  }
  events.push(...more);
}
