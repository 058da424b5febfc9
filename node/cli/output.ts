// What commands write: plain lines, aligned tables, JSON, and a progress bar where a person watches. Results go to
// stdout, everything about the way there to stderr, so that a pipe carries results alone.
import { type Bar, Presets, SingleBar } from 'cli-progress';

/** A progress bar appears only when the work takes longer than this, ms. */
const PROGRESS_DELAY_MS = 1_000;

export interface Output {
  readonly json: boolean;
  /** A line of the result; left out with --json. */
  line(text?: string): void;
  /** A remark about the way there; to stderr, also with --json. */
  note(text: string): void;
  /** The result as one JSON document; left out without --json. */
  result(value: unknown): void;
  progress(total: number, unit: string): Progress;
}

export interface Progress {
  update(done: number): void;
  stop(): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    line: (text = '') => {
      if (!json) process.stdout.write(`${text}\n`);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
    result: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    },
    progress: (total, unit) => startProgress(total, unit),
  };
}

function startProgress(total: number, unit: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const startedAt = performance.now();
  let bar: Bar | undefined;
  return {
    update: (done) => {
      if (bar === undefined && performance.now() - startedAt > PROGRESS_DELAY_MS) {
        const format = ` {bar} {percentage}% {value}/{total} ${unit}, {duration_formatted}, {eta_formatted} to go`;
        bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true }, Presets.shades_classic);
        bar.start(total, done);
      }
      bar?.update(done);
    },
    stop: () => bar?.stop(),
  };
}

/** Aligned columns; those of numbers alone to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => String(cell)))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const rightAligned = header.map((_, column) => rows.every((row) => /^[\d,.]+$/.test(String(row[column]))));
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return rightAligned[column] === true && rows.length > 0 ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** 12345678 → "12,345,678". */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** "1 row", "2,000 rows". */
export function counted(value: number, one: string): string {
  return `${grouped(value)} ${one}${value === 1 ? '' : 's'}`;
}

/** A length of time for people. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
