// From fields of a legacy file, all texts, to an order's document: what each must be, and an error for each that is not. Shared by
// the formats; each says what it calls a field.
import { ADDRESS_LENGTH_MAX, MONEY_MAX, POSTAL_CODE_LENGTH_MAX } from '../../protocol/limits.ts';
import { isName, isText } from '../../protocol/names.ts';
import type { OrderDocument } from '../../protocol/orders.ts';
import type { RowError } from './errors.ts';
import { ERRORS_PER_ORDER_MAX } from './limits.ts';

/** Degrees of a postal code; undefined where it is not known. */
export type Locate = (postalCode: string, country: string) => { latitude: number; longitude: number } | undefined;

/** One order of a file, in the file's order, or what is wrong with it. */
export type Entry = {
  readonly row: number;
  readonly orderId: string;
} & (
  | {
      readonly order: OrderDocument;
      /** What the file asks for besides, and is not done. */
      readonly remarks?: readonly RowError[];
    }
  | { readonly errors: readonly RowError[] }
);

/** Reads fields and collects what is wrong with them. What it returns for a wrong one is a stand-in. */
export class Fields {
  readonly errors: RowError[] = [];

  fail(row: number, field: string, reason: string, next: string): void {
    if (this.errors.length < ERRORS_PER_ORDER_MAX) this.errors.push({ row, field, reason, next });
  }

  name(row: number, field: string, value: string, lengthMax: number): string {
    if (!isName(value, lengthMax)) {
      const what = value === '' ? 'is missing' : `cannot be ${shown(value)}`;
      this.fail(row, field, what, `Give 1 to ${lengthMax} printable characters without spaces.`);
    }
    return value;
  }

  text(row: number, field: string, value: string, lengthMax: number): string {
    if (!isText(value, lengthMax)) {
      const what = value === '' ? 'is missing' : `cannot be ${shown(value)}`;
      this.fail(row, field, what, `Give 1 to ${lengthMax} characters, none of them a control character.`);
    }
    return value;
  }

  whole(row: number, field: string, value: string, min: number, max: number): number {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.fail(
      row,
      field,
      `${value === '' ? 'is missing' : `cannot be ${shown(value)}`}`,
      `Give a whole number from ${min} to ${max}.`,
    );
    return min;
  }

  degrees(row: number, field: string, value: string, max: number): number {
    const number = /^[+-]?\d{1,3}(\.\d{1,12})?$/.test(value) ? Number(value) : Number.NaN;
    if (Math.abs(number) <= max) return number;
    this.fail(row, field, `cannot be ${shown(value)}`, `Give degrees from -${max} to ${max}, such as 40.7128.`);
    return 0;
  }

  /** An amount such as 12.50, in minor units: `digits` of them. More decimals have to be noughts. */
  money(row: number, field: string, value: string, digits: number): number {
    const [, whole = '', fraction = ''] = /^(\d{0,12})(?:\.(\d{0,8}))?$/.exec(value) ?? [];
    const exact = fraction.replace(/0+$/, '').padEnd(digits, '0');
    const minor = whole + fraction === '' || exact.length > digits ? Number.NaN : Number(whole + exact);
    if (minor <= MONEY_MAX) return minor;
    const example = digits === 0 ? '12' : `12.${'5'.padEnd(digits, '0')}`;
    const next = `Give an amount with a point and at most ${digits} decimals, such as ${example}.`;
    this.fail(row, field, `cannot be ${shown(value)}`, next);
    return 0;
  }

  /** A time with its offset, or a date alone, which means its end in UTC. */
  time(row: number, field: string, value: string): number {
    const [day = ''] = /^\d{4}-\d\d-\d\d/.exec(value) ?? [];
    const full = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(value);
    const at = full ? Date.parse(value) : value === day ? Date.parse(`${day}T23:59:59Z`) : Number.NaN;
    if (at >= 0 && isDay(day)) return at;
    this.fail(
      row,
      field,
      `cannot be ${shown(value)}`,
      'Give a date such as 2026-12-24, or a time such as 2026-12-24T18:00:00Z.',
    );
    return 0;
  }
}

export interface Address {
  readonly postalCode: string;
  readonly country: string;
  readonly city: string;
  readonly street: string;
  readonly recipient: string;
  readonly email: string;
  readonly latitude: string;
  readonly longitude: string;
}

/** What a format calls the parts of an address. */
export type AddressNames = Readonly<Record<keyof Address, string>>;

/** Where it is delivered. Without coordinates the postal code is looked up. */
export function destinationOf(
  fields: Fields,
  row: number,
  address: Address,
  names: AddressNames,
  locate: Locate,
): OrderDocument['destination'] {
  const { postalCode, country, latitude, longitude } = address;
  const optional = Object.fromEntries(
    (['country', 'city', 'street', 'recipient', 'email'] as const)
      .filter((part) => address[part] !== '')
      .map((part) => [part, fields.text(row, names[part], address[part], ADDRESS_LENGTH_MAX)]),
  );
  fields.text(row, names.postalCode, postalCode, POSTAL_CODE_LENGTH_MAX);
  let place = { latitude: 0, longitude: 0 };
  if (latitude !== '' || longitude !== '') {
    place = {
      latitude: fields.degrees(row, names.latitude, latitude, 90),
      longitude: fields.degrees(row, names.longitude, longitude, 180),
    };
  } else if (postalCode !== '') {
    const found = locate(postalCode, country);
    if (found === undefined) {
      const next = 'Correct it, or give latitude and longitude where the format has them; see --postal-codes.';
      fields.fail(row, names.postalCode, `nobody knows where ${shown(postalCode)} is`, next);
    } else place = { latitude: found.latitude, longitude: found.longitude };
  }
  return { ...place, postalCode, ...optional };
}

export function shown(value: string): string {
  const plain = value.replace(/\p{Cc}/gu, '?');
  return JSON.stringify(plain.length > 40 ? `${plain.slice(0, 40)}…` : plain);
}

/** 2026-02-30 is none, which Date.parse takes for one in March. */
function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}
