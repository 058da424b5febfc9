// A linear program, with whole numbers or without, as arrays that pass between threads as they are. Least cost, rows between bounds.

export interface Program {
  readonly columnCost: Float64Array;
  /** Columns are 0 or more. */
  readonly columnUpper: Float64Array;
  /** 1 where a column is a whole number. */
  readonly isInteger: Int32Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  /** Entries of row r are those from `rowStart[r]` to before `rowStart[r + 1]`. */
  readonly rowStart: Int32Array;
  readonly entryColumn: Int32Array;
  readonly entryValue: Float64Array;
}

export interface ProgramLimits {
  /** Wall clock. */
  readonly timeMs: number;
  /** A solution so close to the bound, as a share, is good enough. */
  readonly gap: number;
}

export interface ProgramSolution {
  /** `limit`: the best found when the time was over. */
  readonly status: 'optimal' | 'limit';
  readonly cost: number;
  /** No solution costs less. */
  readonly bound: number;
  /** By column. */
  readonly values: Float64Array;
  /** By row: what one more of it would save; empty for programs with whole numbers. */
  readonly duals: Float64Array;
}

export class ProgramBuilder {
  readonly #cost: number[] = [];
  readonly #upper: number[] = [];
  readonly #isInteger: number[] = [];
  readonly #rowLower: number[] = [];
  readonly #rowUpper: number[] = [];
  readonly #rowStart: number[] = [0];
  readonly #entryColumn: number[] = [];
  readonly #entryValue: number[] = [];

  get columns(): number {
    return this.#cost.length;
  }

  get rows(): number {
    return this.#rowLower.length;
  }

  /** Answers with its place. */
  column(cost: number, upper: number, isInteger = false): number {
    this.#cost.push(cost);
    this.#upper.push(upper);
    this.#isInteger.push(isInteger ? 1 : 0);
    return this.#cost.length - 1;
  }

  /** Answers with its place. Entries are pairs of a column and its factor. */
  row(lower: number, upper: number, entries: readonly (readonly [column: number, value: number])[]): number {
    for (const [column, value] of entries) {
      this.#entryColumn.push(column);
      this.#entryValue.push(value);
    }
    this.#rowLower.push(lower);
    this.#rowUpper.push(upper);
    this.#rowStart.push(this.#entryColumn.length);
    return this.#rowLower.length - 1;
  }

  build(): Program {
    return {
      columnCost: Float64Array.from(this.#cost),
      columnUpper: Float64Array.from(this.#upper),
      isInteger: Int32Array.from(this.#isInteger),
      rowLower: Float64Array.from(this.#rowLower),
      rowUpper: Float64Array.from(this.#rowUpper),
      rowStart: Int32Array.from(this.#rowStart),
      entryColumn: Int32Array.from(this.#entryColumn),
      entryValue: Float64Array.from(this.#entryValue),
    };
  }
}
