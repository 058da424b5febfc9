// What a benchmark leaves in its JSON for `npm run bench:report` to show, whatever it measured: a table, a chart, or both.

export interface Section {
  readonly title: string;
  /** What was measured and how, in a sentence or two. */
  readonly text?: string;
  /** First row: the heads of the columns. */
  readonly table?: readonly (readonly string[])[];
  readonly chart?: Chart;
}

export interface Chart {
  /** bars: a group for each x, which is a name; lines: over a number. */
  readonly kind: 'bars' | 'lines';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface Axis {
  /** With its unit. */
  readonly label: string;
  /** Logarithmic; values must be above 0. */
  readonly log?: boolean;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number | string;
  readonly y: number;
  /** 95 % confidence interval of y, where there were enough repeats for one. */
  readonly interval?: readonly [low: number, high: number];
  /** Others used the processors meanwhile: it gets a star. */
  readonly disturbed?: boolean;
}
