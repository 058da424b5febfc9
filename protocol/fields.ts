// Checks the fields of one request, one at a time, and remembers the first thing wrong with them. Knows kinds of
// fields (name, text, integer …), not ops.
import { isName, isText } from './names.ts';

/** Missing fields that one refusal names: those of a few lines of an order, of which there may be thousands. */
export const MISSING_NAMED_MAX = 16;

/** A decoded map whose fields are still to be checked. */
export type Source = Readonly<Record<string, unknown>>;

/**
 * One is reused for all requests: nothing here outlives a parse, and no check allocates unless it fails. A check
 * that fails notes the problem and returns a stand-in, so that the parser reads straight through and asks once.
 */
export class FieldChecker {
  /** What is wrong with the first bad field, or all fields that are missing, up to MISSING_NAMED_MAX; undefined while all is well. */
  problem: string | undefined = undefined;
  /** Fields found so far; as many as the source has keys, unless some are unknown. */
  seen = 0;
  /** Missing fields so far, if what is wrong is that. */
  #missing = 0;

  begin(): void {
    this.problem = undefined;
    this.seen = 0;
    this.#missing = 0;
  }

  name(field: string, value: unknown, lengthMax: number): string {
    if (typeof value === 'string' && isName(value, lengthMax)) {
      this.seen++;
      return value;
    }
    return this.#bad(field, value, `1 to ${lengthMax} printable characters without spaces`, '');
  }

  optionalName(field: string, value: unknown, lengthMax: number): string | undefined {
    return value === undefined ? undefined : this.name(field, value, lengthMax);
  }

  text(field: string, value: unknown, lengthMax: number): string {
    if (typeof value === 'string' && isText(value, lengthMax)) {
      this.seen++;
      return value;
    }
    return this.#bad(field, value, `a string of 1 to ${lengthMax} characters without control characters`, '');
  }

  optionalText(field: string, value: unknown, lengthMax: number): string | undefined {
    return value === undefined ? undefined : this.text(field, value, lengthMax);
  }

  /** As optionalText, but never repeats the value. */
  optionalSecret(field: string, value: unknown, lengthMax: number): string | undefined {
    if (typeof value !== 'string') return this.optionalText(field, value, lengthMax);
    this.seen++;
    if (isText(value, lengthMax)) return value;
    this.fail(`${field} must be a string of 1 to ${lengthMax} characters without control characters`);
    return undefined;
  }

  /** Any string: its form is judged later. */
  string(field: string, value: unknown): string {
    if (typeof value === 'string') {
      this.seen++;
      return value;
    }
    return this.#bad(field, value, 'a string', '');
  }

  integer(field: string, value: unknown, min: number, max: number): number {
    if (typeof value === 'number' && value >= min && value <= max && Number.isSafeInteger(value)) {
      this.seen++;
      return value + 0; // -0 becomes 0
    }
    return this.#bad(field, value, `an integer from ${min} to ${max}`, 0);
  }

  optionalInteger(field: string, value: unknown, min: number, max: number): number | undefined {
    return value === undefined ? undefined : this.integer(field, value, min, max);
  }

  optionalBoolean(field: string, value: unknown, absent: boolean): boolean {
    if (value === undefined) return absent;
    if (typeof value === 'boolean') {
      this.seen++;
      return value;
    }
    return this.#bad(field, value, 'true or false', absent);
  }

  array(field: string, value: unknown): readonly unknown[] {
    if (Array.isArray(value)) {
      this.seen++;
      return value;
    }
    return this.#bad(field, value, 'an array', []);
  }

  /** A list of at least one name; how many at most is for the op to say. */
  names(field: string, value: unknown, lengthMax: number): readonly string[] {
    const list = this.array(field, value);
    if (list.length === 0) this.fail(`${field} must name at least one`);
    for (let i = 0; i < list.length && this.problem === undefined; i++) {
      this.name(`${field}[${i}]`, list[i], lengthMax);
      this.seen--; // an element is no field
    }
    return list as readonly string[];
  }

  /** A map from names to integers ≥ 0, rebuilt with its keys in order so that equal maps look alike. */
  optionalCounts(field: string, value: unknown, lengthMax: number, entriesMax: number, countMax: number) {
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#bad(field, value, 'a map from names to integers', undefined);
    }
    this.seen++;
    const names = Object.keys(value).sort();
    if (names.length > entriesMax) this.fail(`${field} may have at most ${entriesMax} entries, got ${names.length}`);
    const counts: Record<string, number> = {};
    for (const name of names) {
      if (name === '__proto__' || !isName(name, lengthMax)) this.fail(`${field} may not have the key ${show(name)}`);
      if (this.problem !== undefined) return undefined;
      counts[name] = this.integer(`${field}[${show(name)}]`, (value as Source)[name], 0, countMax);
      this.seen--;
    }
    return counts;
  }

  /** Notes a problem, unless there is one already. */
  fail(problem: string): void {
    this.problem ??= problem;
  }

  /** Notes that a field is missing, beside others that are, unless something else is wrong already. */
  missing(field: string, expected: string): void {
    if (this.problem !== undefined && this.#missing === 0) return;
    this.#missing++;
    if (this.#missing > MISSING_NAMED_MAX + 1) return;
    const problem = this.#missing > MISSING_NAMED_MAX ? 'and more' : `${field} is missing: it must be ${expected}`;
    this.problem = this.problem === undefined ? problem : `${this.problem}; ${problem}`;
  }

  /** Whether a list is worth reading on: nothing is wrong, or fields are missing of which more may be named. */
  get readsOn(): boolean {
    return this.problem === undefined || (this.#missing > 0 && this.#missing <= MISSING_NAMED_MAX);
  }

  #bad<T>(field: string, value: unknown, expected: string, standIn: T): T {
    if (value === undefined) this.missing(field, expected);
    else {
      this.seen++;
      const hint = value === null ? ' (a field that does not apply is left out)' : '';
      this.fail(`${field} must be ${expected}, got ${show(value)}${hint}`);
    }
    return standIn;
  }
}

const SHOWN_LENGTH_MAX = 40;

/** A value as a message may repeat it: one short line, well-formed whatever came. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length <= SHOWN_LENGTH_MAX) return JSON.stringify(value);
    return `${JSON.stringify(value.slice(0, SHOWN_LENGTH_MAX))}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a map';
  return String(value);
}
