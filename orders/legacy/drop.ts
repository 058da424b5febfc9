// The file drop: orders that other systems leave in a folder are captured, each once, and nothing is lost, whenever the process
// ends. A file is claimed by a rename, its items are captured behind a durable cursor, and it is moved to done/ or failed/ at the end.
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../protocol/client/index.ts';
import type { OrderDocument } from '../../protocol/orders.ts';
import { makeDirectory } from '../shared/make-directory.ts';
import { type Claim, Claims, claimedAt } from './claims.ts';
import { takeControlNumber } from './control-numbers.ts';
import { Counted } from './counted.ts';
import { type Cursor, RowsFile, readCursor, writeCursor } from './cursor.ts';
import { renameDurably, unless, writeDurably } from './durable.ts';
import { errorRows, FileRefused, type RowError } from './errors.ts';
import { type Advice, type Format, type Item, type OrderFile, openOrderFile } from './items.ts';
import {
  CAPTURE_BACKOFF_MAX_MS,
  CAPTURE_BACKOFF_MS,
  CAPTURES_IN_FLIGHT_MAX,
  SCAN_MS_DEFAULT,
  SETTLE_MS_DEFAULT,
} from './limits.ts';
import type { Locate } from './orders.ts';
import { Settled } from './settled.ts';

/**
 * Takes one order for good, or a count. Both are called again with the same after a crash. A HoldfastError about what was asked becomes
 * an error of the row; one that is retriable is tried again until it goes well. Anything else (a wrong token, a defect) ends the drop,
 * with nothing lost: it would be true of every row.
 */
export interface FileDropPorts {
  capture(order: OrderDocument): Promise<{ readonly replayed: boolean }>;
  /** Counts of 846. Without it, they are refused. `key` is the count's own, the same when it is called again. */
  advise?(advice: Advice, key: string): Promise<void>;
}

export interface FileDropOptions {
  /** The folder that is looked into; work/, done/ and failed/ are made in it. One process may have several, a folder one a process. */
  readonly in: string;
  /** Where acknowledgements are written. */
  readonly out: string;
  readonly format: Format;
  readonly locate?: Locate;
  /** Senders of X12, as `ZZ.PARTNER`; without any, anybody. What orderIds are called depends on how many there are. */
  readonly partners?: readonly string[];
  /** Takes interchanges that are marked as tests like others. */
  readonly takesTests?: boolean;
  /** How long a file rests before it is whole, ms. */
  readonly settleMs?: number;
  readonly scanMs?: number;
  /** Ends it after what is under way; what is not done is done by the next process. */
  readonly signal?: AbortSignal;
  /** Ends when there is nothing left to wait for. */
  readonly once?: boolean;
  readonly log?: (line: string) => void;
}

export interface FileResult extends Pick<Cursor, 'captured' | 'replayed' | 'advised' | 'refused'> {
  readonly file: string;
  /** Something that the file asks for is not done, though its orders were captured. */
  readonly remarked: boolean;
  readonly outcome: 'done' | 'failed';
}

/** @returns what became of each file that was finished */
export async function runFileDrop(options: FileDropOptions, ports: FileDropPorts): Promise<FileResult[]> {
  const { settleMs = SETTLE_MS_DEFAULT, scanMs = SCAN_MS_DEFAULT, signal } = options;
  for (const folder of [options.in, options.out, ...['work', 'done', 'failed'].map((one) => join(options.in, one))]) {
    await makeDirectory(folder);
  }
  const ended = (): boolean => signal?.aborted === true;
  const claims = await Claims.open(options.in);
  const settled = new Settled(options.in, options.format, settleMs);
  const results: FileResult[] = [];
  const finish = async (claim: Claim): Promise<void> => {
    const result = await new Work(claim, claims.owner, options, ports).run();
    if (result === undefined) return;
    results.push(result);
    const { file, outcome, captured, replayed, advised, refused } = result;
    const counts = advised > 0 ? `, ${advised} counts taken` : '';
    const beside = join(options.in, outcome, file);
    const why = `${outcome === 'failed' ? `; what to do: ${beside}.errors` : ''}${result.remarked ? `; what was not kept to: ${beside}.remarks` : ''}`;
    options.log?.(
      `${outcome}/${file}: ${captured} ${captured === 1 ? 'order' : 'orders'} captured, ${replayed} were before${counts}, ${refused} refused${why}`,
    );
  };
  try {
    while (!ended()) {
      for (const claim of await claims.held()) if (!ended()) await finish(claim);
      const { names, waiting } = await settled.look(Date.now());
      for (const name of names) {
        if (ended()) break;
        const claim = await claims.claim(name, Date.now());
        if (claim !== undefined) await finish(claim);
      }
      if (options.once === true && names.length + waiting === 0) break;
      await rest(scanMs, signal);
    }
  } finally {
    await claims.close();
  }
  return results;
}

/** What is done with one claimed file. */
class Work {
  readonly #claim: Claim;
  readonly #owner: string;
  readonly #options: FileDropOptions;
  readonly #ports: FileDropPorts;

  /** Had while there are counts in the file. */
  #counted: Counted | undefined;

  constructor(claim: Claim, owner: string, options: FileDropOptions, ports: FileDropPorts) {
    this.#claim = claim;
    this.#owner = owner;
    this.#options = options;
    this.#ports = ports;
  }

  /** @returns undefined where it was told to end before the end of the file, or there was none */
  async run(): Promise<FileResult | undefined> {
    let cursor = await readCursor(this.#claim);
    const input = join(this.#claim.path, 'input');
    if (cursor.outcome === undefined) {
      const before = await unless(['ENOENT'], stat(input));
      if (before === undefined) {
        // Claimed by a process that died before it had the file.
        await rm(this.#claim.path, { recursive: true, force: true });
        return undefined;
      }
      const read = await this.#process(cursor, input, before);
      if (read === undefined) return undefined;
      cursor = read;
    }
    const { outcome = 'failed', captured, replayed, advised, refused } = cursor;
    await this.#move(outcome, cursor);
    const remarked = cursor.remarkBytes > 0;
    return { file: this.#claim.name, outcome, captured, replayed, advised, refused, remarked };
  }

  async #process(from: Cursor, input: string, before: { size: number; mtimeMs: number }): Promise<Cursor | undefined> {
    const told = {
      errors: await RowsFile.open(this.#claim, 'errors', from.errorBytes),
      remarks: await RowsFile.open(this.#claim, 'remarks', from.remarkBytes),
    };
    let cursor = from;
    const refuse = async (problem: RowError): Promise<void> => {
      await told.errors.append(errorRows([problem]));
      cursor = { ...cursor, errorBytes: told.errors.bytes, outcome: 'failed' };
    };
    try {
      const { format, locate = () => undefined, partners = [], takesTests = false } = this.#options;
      const terms = { locate, partners, takesTests, now: claimedAt(this.#claim) };
      const file = await openOrderFile(input, format, terms);
      for await (const batch of batches(file.items(), cursor.items)) {
        if (this.#options.signal?.aborted === true) return undefined;
        if (batch.some((item) => 'advice' in item) && !(await this.#haveCounted())) return undefined;
        const done = await this.#take(batch, cursor, told);
        if (done === undefined) return undefined;
        cursor = done;
      }
      cursor = await this.#acknowledge(file, cursor);
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      await refuse(error.problem);
    } finally {
      await this.#counted?.close();
    }
    const after = await stat(input);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      const next =
        'Send it again, whole: orders that were taken are not taken twice. Write under another name and rename at the end.';
      await refuse({ row: 0, field: '', reason: 'the file changed while it was read', next });
    }
    cursor = { ...cursor, outcome: cursor.outcome ?? (cursor.refused > 0 ? 'failed' : 'done') };
    await writeCursor(this.#claim, cursor);
    return cursor;
  }

  /** @returns false where it was told to end meanwhile */
  async #haveCounted(): Promise<boolean> {
    const { signal, scanMs = SCAN_MS_DEFAULT } = this.#options;
    while (this.#counted === undefined) {
      if (signal?.aborted === true) return false;
      this.#counted = await Counted.open(this.#options.in, this.#owner);
      if (this.#counted === undefined) await rest(scanMs, signal);
    }
    return true;
  }

  /** Captures a batch, then notes it. */
  async #take(batch: readonly Item[], cursor: Cursor, { errors, remarks }: Told): Promise<Cursor | undefined> {
    const outcomes = await Promise.all(batch.map((item) => this.#settle(item)));
    const counts = batch.flatMap((item, n) => ('advice' in item && outcomes[n] === 'advised' ? [item] : []));
    await this.#counted?.note(counts);
    if (outcomes.includes('aborted')) return undefined;
    const count = (one: Outcome): number => outcomes.filter((outcome) => outcome === one).length;
    const wrong = outcomes.map((outcome, n) => {
      const { orderId = '' } = batch[n] ?? {};
      return typeof outcome === 'object' ? errorRows(outcome.errors, orderId) : '';
    });
    await errors.append(wrong.join(''));
    const left = batch.map((item, n) =>
      'order' in item && typeof outcomes[n] !== 'object' ? errorRows(item.remarks ?? [], item.orderId) : '',
    );
    await remarks.append(left.join(''));
    const next: Cursor = {
      ...cursor,
      items: cursor.items + batch.length,
      captured: cursor.captured + count('captured'),
      replayed: cursor.replayed + count('replayed'),
      advised: cursor.advised + count('advised'),
      refused: cursor.refused + outcomes.filter((outcome) => typeof outcome === 'object').length,
      errorBytes: errors.bytes,
      remarkBytes: remarks.bytes,
    };
    await writeCursor(this.#claim, next);
    return next;
  }

  async #settle(item: Item): Promise<Outcome> {
    if ('errors' in item) return item;
    if ('advice' in item) {
      if (this.#ports.advise === undefined) return refusal(item, 'counts are not taken here', 'Send orders only.');
      const known = this.#known(item);
      if (known !== undefined) return known;
    }
    for (let waitMs = CAPTURE_BACKOFF_MS; ; waitMs = Math.min(CAPTURE_BACKOFF_MAX_MS, waitMs * 2)) {
      try {
        if ('order' in item) return (await this.#ports.capture(item.order)).replayed ? 'replayed' : 'captured';
        await this.#ports.advise?.(item.advice, `${this.#claim.name}:${item.row}`);
        return 'advised';
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        if (ABOUT_THE_ROW.has(error.code))
          return refusal(item, `${error.code}: ${error.message}`, 'Correct the order and send it again.');
        if (!error.retriable) throw error;
        const { signal } = this.#options;
        await rest(Math.max(waitMs, error.retryAfterMs), signal);
        if (signal?.aborted === true) return 'aborted';
      }
    }
  }

  /** What becomes of a count by those that were taken before; undefined: it is to be taken. */
  #known({ row, advice, countedAt }: Item & { readonly advice: Advice; readonly countedAt: number }) {
    const before = this.#counted?.of(advice);
    if (before === undefined || before.at < countedAt) return undefined;
    if (before.at === countedAt) return before.onHand === advice.onHand ? 'replayed' : undefined;
    const [counted, newer] = [countedAt, before.at].map((at) => new Date(at).toISOString());
    const reason = `${advice.sku} at ${advice.node} was counted ${counted}, and a count of ${newer} was taken already`;
    return { errors: [{ row, field: 'BIA04', reason, next: 'Nothing, unless that one was wrong: then count anew.' }] };
  }

  /** The numbers are noted before they are used, so that after a crash the same answer is written again. */
  async #acknowledge(file: OrderFile, cursor: Cursor): Promise<Cursor> {
    const answers = file.acknowledgements();
    if (answers.length === 0) return cursor;
    let { controls } = cursor;
    if (controls?.length !== answers.length) {
      controls = [];
      for (const _ of answers) controls.push(await takeControlNumber(this.#options.out));
      await writeCursor(this.#claim, { ...cursor, controls });
    }
    for (const [n, answer] of answers.entries()) {
      const control = controls[n] ?? 0;
      const name = `997-${String(control).padStart(9, '0')}.x12`;
      await writeDurably(join(this.#options.out, name), answer(control, Date.now()));
    }
    return { ...cursor, controls };
  }

  /** The errors first: whoever sees the file in failed/ finds them beside it. */
  async #move(outcome: 'done' | 'failed', { errorBytes, remarkBytes }: Cursor): Promise<void> {
    const { path, name } = this.#claim;
    const to = join(this.#options.in, outcome, name);
    for (const [name, bytes] of [['errors', errorBytes] as const, ['remarks', remarkBytes] as const]) {
      if (bytes > 0) await unless(['ENOENT'], renameDurably(join(path, name), `${to}.${name}`));
    }
    await unless(['ENOENT'], renameDurably(join(path, 'input'), to));
    await rm(path, { recursive: true, force: true });
  }
}

const ABOUT_THE_ROW: ReadonlySet<string> = new Set([
  'BAD_REQUEST',
  'NOT_FOUND',
  'LIMIT_EXCEEDED',
  'IDEMPOTENCY_CONFLICT',
  'IDEMPOTENCY_EXPIRED',
  'TOO_LARGE',
]);

interface Told {
  readonly errors: RowsFile;
  readonly remarks: RowsFile;
}

/** Also shorter, where it is told to end. */
async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

type Outcome = 'captured' | 'replayed' | 'advised' | 'aborted' | { readonly errors: readonly RowError[] };

function refusal({ row }: Item, reason: string, next: string): Outcome {
  return { errors: [{ row, field: '', reason, next }] };
}

/** The items after the first `skip`, some at a time. */
async function* batches(items: AsyncIterable<Item>, skip: number): AsyncGenerator<readonly Item[]> {
  let batch: Item[] = [];
  let n = 0;
  try {
    for await (const item of items) {
      n += 1;
      if (n <= skip) continue;
      batch.push(item);
      if (batch.length === CAPTURES_IN_FLIGHT_MAX) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    // What came before what cannot be read is good.
    if (error instanceof FileRefused && batch.length > 0) yield batch;
    throw error;
  }
  if (batch.length > 0) yield batch;
}
