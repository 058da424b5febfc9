// Takes catalogue rows to the grid: counts are reconciled against live reservations by the actor, never written over
// them. Rows go out pipelined; each stands alone. Where the rows come from (a file, the demo) is not known here.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { HoldfastError } from '../../../protocol/client/index.ts';
import { UserError } from '../exit.ts';
import { Gate } from '../gate.ts';
import { Insistence } from '../insistence.ts';
import type { NumberedRow } from './read-file.ts';
import { type CatalogRow, configures } from './rows.ts';

/** Rows under way at once: enough to fill the grid's commits, few enough to wait milliseconds for. */
const ROWS_IN_FLIGHT_MAX = 512;
/** Failures that are kept to be listed; beyond it they are only counted. */
const FAILURES_LISTED_MAX = 10_000;

export interface RowFailure {
  readonly line: number;
  readonly sku: string | undefined;
  readonly reason: string;
}

export interface ApplyResult {
  rows: number;
  applied: number;
  /** Rows that had been applied before under the same requestIds: nothing changed. */
  replayed: number;
  failed: number;
  /** Rows whose count was below what is promised; the difference is written off as reservations end. */
  short: number;
  readonly failures: RowFailure[];
}

export interface ApplyOptions {
  readonly clients: ReadonlyMap<string, HoldfastClient>;
  /** Begins each requestId; the line and the step follow. At most 40 characters. */
  readonly requestPrefix: string;
  readonly reason: string;
  /** Stops at the first row that fails. */
  readonly strict: boolean;
  readonly progress?: (rows: number) => void;
  /** Told of each row that the grid has decided on. */
  readonly answered?: () => void;
}

export async function applyRows(
  rows: AsyncIterable<NumberedRow> | Iterable<NumberedRow>,
  options: ApplyOptions,
): Promise<ApplyResult> {
  const result: ApplyResult = { rows: 0, applied: 0, replayed: 0, failed: 0, short: 0, failures: [] };
  const gate = new Gate(ROWS_IN_FLIGHT_MAX);
  const insistence = new Insistence();
  const seen = new Map<string, number>();
  const fail = (line: number, sku: string | undefined, reason: string): void => {
    result.failed += 1;
    if (result.failures.length < FAILURES_LISTED_MAX) result.failures.push({ line, sku, reason });
  };
  for await (const numbered of rows) {
    if (options.strict && result.failed > 0) break;
    const { line } = numbered;
    result.rows += 1;
    options.progress?.(result.rows);
    if ('error' in numbered) {
      fail(line, undefined, numbered.error);
      continue;
    }
    const { row } = numbered;
    const key = `${row.sku} ${row.region} ${row.node}`;
    const before = seen.get(key);
    if (before !== undefined) {
      // Two counts of one position: which of them holds is for the file's author to say.
      fail(line, row.sku, `repeats line ${before}: one row for each sku, region and node`);
      continue;
    }
    seen.set(key, line);
    await gate.enter();
    void applyRow(line, row, options, insistence)
      .then((applied) => {
        if (applied.replayed) result.replayed += 1;
        else result.applied += 1;
        if (applied.short) result.short += 1;
        options.answered?.();
      })
      .catch((error: unknown) => {
        if (error instanceof HoldfastError && error.code !== 'CLOSED')
          fail(line, row.sku, `${error.code}: ${error.message}`);
        else if (error instanceof UserError) fail(line, row.sku, error.message);
        else gate.fail(error);
      })
      .finally(() => gate.leave());
  }
  await gate.drained();
  result.failures.sort((a, b) => a.line - b.line);
  return result;
}

async function applyRow(
  line: number,
  row: CatalogRow,
  { clients, requestPrefix, reason }: ApplyOptions,
  insistence: Insistence,
): Promise<{ replayed: boolean; short: boolean }> {
  const { sku, region, node, onHand, safetyStock, backorderLimit, limitPerOwner, channelBuffers } = row;
  const client = clients.get(region);
  if (client === undefined) {
    throw new UserError(
      `no worker of region ${region} is connected; the regions are ${[...clients.keys()].join(', ')}`,
    );
  }
  let replayed = true;
  let short = false;
  // The count first: a lower backorder limit may only fit the new count.
  if (onHand !== undefined) {
    const count = { sku, region, node, onHand, reason, requestId: `${requestPrefix}-${line}-n` };
    const reply = await insistence.call(() => client.adjust(count));
    replayed &&= reply.replayed === true;
    short = (reply.shortfall ?? 0) > 0;
  }
  if (configures(row)) {
    const ofNode = safetyStock !== undefined || backorderLimit !== undefined || onHand === undefined;
    const settings = {
      sku,
      region,
      requestId: `${requestPrefix}-${line}-c`,
      ...(ofNode ? { node } : {}),
      ...(safetyStock === undefined ? {} : { safetyStock }),
      ...(backorderLimit === undefined ? {} : { backorderLimit }),
      ...(limitPerOwner === undefined ? {} : { limitPerOwner }),
      ...(channelBuffers === undefined ? {} : { channelBuffers }),
    };
    const reply = await insistence.call(() => client.configure(settings));
    replayed &&= reply.replayed === true;
  }
  return { replayed, short };
}
