// A purchase order (850) as an order: which segments count, which may be there and say nothing that counts, and that there is no other.
import {
  CURRENCY_LENGTH_MAX,
  LINE_ID_LENGTH_MAX,
  ORDER_ID_LENGTH_MAX,
  ORDER_LINES_MAX,
  OWNER_LENGTH_MAX,
  SKU_LENGTH_MAX,
} from '../../../protocol/limits.ts';
import type { OrderDocument, OrderLine } from '../../../protocol/orders.ts';
import { minorDigitsOf } from '../currencies.ts';
import type { RowError } from '../errors.ts';
import { type AddressNames, destinationOf, type Entry, Fields, type Locate, shown } from '../orders.ts';
import { readDates } from './dates.ts';
import type { TransactionSet } from './envelope.ts';
import { productNumberOf, SKU_QUALIFIERS, unitsOf } from './numbers.ts';
import { orderIdOf } from './partners.ts';
import { BASES_EXPLAINED, unitPriceOf } from './prices.ts';
import { objectionTo } from './purposes.ts';
import { elementName, type Segment } from './segments.ts';

/** May stand in an 850 and changes nothing of what is sent where: references, people, terms, descriptions, totals of money. */
const IGNORED = new Set(['REF', 'PER', 'FOB', 'CSH', 'SAC', 'ITD', 'PID', 'MSG', 'N2', 'N9', 'TD5', 'TXI', 'AMT']);

const NAMES: AddressNames = {
  postalCode: 'N403',
  country: 'N404',
  city: 'N401',
  street: 'N301',
  recipient: 'N102',
  email: '',
  latitude: '',
  longitude: '',
};

/** A syntax error of one segment, for the 997. */
export interface SegmentNote {
  readonly tag: string;
  /** In the set, ST is 1. */
  readonly position: number;
  /** AK304: 1 unrecognised, 3 missing, 5 too often, 8 an element is wrong. */
  readonly code: '1' | '3' | '5' | '8';
  /** AK401 and AK403, of code 8. */
  readonly element?: { readonly position: number; readonly code: '1' | '7'; readonly value: string };
}

export interface Read850 {
  readonly entry: Entry;
  readonly notes: readonly SegmentNote[];
}

export interface Terms850 {
  readonly locate: Locate;
  /** What orderIds begin with; undefined where orders come from one partner only. */
  readonly sender: string | undefined;
  /** When the file was taken, ms since the epoch. */
  readonly now: number;
}

/** Never throws: what is wrong with a set stands in its entry. */
export function read850(set: TransactionSet, terms: Terms850): Read850 {
  const reader = new Reader(set, terms);
  return { entry: reader.read(), notes: reader.notes };
}

const SET_PROBLEMS: Readonly<Record<string, string>> = {
  2: 'the set has no SE',
  3: 'SE02 is not the control number of ST02',
  4: 'SE01 is not the number of segments',
};

class Reader {
  readonly notes: SegmentNote[] = [];
  readonly #fields = new Fields();
  readonly #set: TransactionSet;
  readonly #terms: Terms850;
  readonly #remarks: RowError[] = [];

  constructor(set: TransactionSet, terms: Terms850) {
    this.#set = set;
    this.#terms = terms;
  }

  read(): Entry {
    const { row, segments, problems } = this.#set;
    for (const problem of problems) {
      this.#fields.fail(row, 'ST', SET_PROBLEMS[problem] ?? problem, 'Have the sender write the set again.');
    }
    const orderId = this.#orderId();
    const currency = this.#currency();
    const digits = minorDigitsOf(currency);
    const lines = segments.filter(({ tag }) => tag === 'PO1').map((segment, n) => this.#line(segment, n, digits));
    this.#checkLines(lines);
    const order: OrderDocument = {
      orderId,
      lines,
      destination: this.#destination(),
      ...(currency === undefined ? {} : { currency }),
      ...this.#extras(orderId),
    };
    this.#checkRest(lines.length);
    const { errors } = this.#fields;
    if (errors.length > 0) return { row, orderId, errors };
    return { row, orderId, order, ...(this.#remarks.length === 0 ? {} : { remarks: this.#remarks }) };
  }

  /** What the BEG says: whether it is an order, and which. */
  #orderId(): string {
    const beg = this.#one('BEG');
    if (beg === undefined) return '';
    const [purpose = '', type = '', purchaseOrder = '', release = ''] = beg.elements;
    const orderId = orderIdOf({ sender: this.#terms.sender, purchaseOrder, release });
    const checked = purchaseOrder === '' ? '' : orderId;
    this.#element(beg, 3, () => this.#fields.name(beg.row, 'BEG03', checked, ORDER_ID_LENGTH_MAX));
    const objection = objectionTo(purpose, type, release, shown);
    if (objection !== undefined) this.#wrong(beg, objection.position, objection.reason, objection.next);
    return checked;
  }

  #currency(): string | undefined {
    const [first, ...others] = this.#set.segments.filter(({ tag }) => tag === 'CUR');
    const code = first?.elements[1];
    const another = others.find(({ elements }) => elements[1] !== code);
    if (another !== undefined) {
      this.#wrong(another, 2, 'another currency than before', 'Send an order for each currency.');
    }
    if (first === undefined || code === undefined) return undefined;
    return this.#element(first, 2, () => this.#fields.name(first.row, 'CUR02', code, CURRENCY_LENGTH_MAX));
  }

  #line(segment: Segment, n: number, digits: number): OrderLine {
    const { row, elements } = segment;
    const [id = '', qty = '', unit = '', price = '', basis = ''] = elements;
    const known = productNumberOf(segment, 6);
    if (unit !== 'EA') this.#wrong(segment, 3, `cannot be ${shown(unit)}`, 'Order in eaches (EA).');
    if (known === undefined) {
      this.#wrong(segment, 6, 'there is no number of a product', `Give one as ${SKU_QUALIFIERS.join(', ')}.`);
    }
    const lineId = id === '' ? `${n + 1}` : id;
    return {
      lineId: this.#element(segment, 1, () => this.#fields.name(row, 'PO101', lineId, LINE_ID_LENGTH_MAX)),
      sku:
        known === undefined
          ? ''
          : this.#element(segment, known.position, () =>
              this.#fields.name(row, elementName('PO1', known.position), known.sku, SKU_LENGTH_MAX),
            ),
      qty: this.#element(segment, 2, () => unitsOf(this.#fields, row, 'PO102', qty, 1)),
      ...(price === '' ? {} : { value: this.#price(segment, price, basis, digits) }),
    };
  }

  /** Of one unit, in minor units. */
  #price(segment: Segment, price: string, basis: string, digits: number): number {
    const read = unitPriceOf(price, basis, digits);
    if ('value' in read) {
      if (read.isRounded) {
        const reason = `${shown(price)} is rounded to ${read.value} minor units of the currency for each`;
        this.#remarks.push({ row: segment.row, field: 'PO104', reason, next: 'Nothing, unless the sum is needed.' });
      }
      return read.value;
    }
    if (read.wrong === 'price') {
      const next = 'Give an amount such as 12.50, with a point and at most eight decimals.';
      this.#wrong(segment, 4, `cannot be ${shown(price)}`, next);
    } else this.#wrong(segment, 5, `cannot be ${shown(basis)}: of how many units the price is`, BASES_EXPLAINED);
    return 0;
  }

  #checkLines(lines: readonly OrderLine[]): void {
    if (lines.length === 0) this.#missing('PO1');
    if (lines.length > ORDER_LINES_MAX) {
      this.#fields.fail(this.#set.row, 'PO1', `more than ${ORDER_LINES_MAX} lines`, 'Split the order.');
    }
    const ids = new Set<string>();
    const segments = this.#set.segments.filter(({ tag }) => tag === 'PO1');
    for (const [n, { lineId }] of lines.entries()) {
      const segment = segments[n];
      if (ids.has(lineId) && segment !== undefined) {
        this.#wrong(segment, 1, `${shown(lineId)} is that of another line`, 'Give each line its own.');
      }
      ids.add(lineId);
    }
  }

  /** The first N1 loop of the place that it is shipped to. */
  #destination(): OrderDocument['destination'] {
    const { segments, row } = this.#set;
    const places = segments.filter(({ tag, elements }) => tag === 'N1' && elements[0] === 'ST');
    const [n1] = places;
    if (n1 === undefined) this.#missing('N1');
    if (places[1] !== undefined) {
      this.#note(places[1], '5');
      this.#fields.fail(places[1].row, 'N101', 'a second place to ship to', 'Send an order for each place.');
    }
    const loop = n1 === undefined ? [] : this.#loop(segments.indexOf(n1));
    const n3 = loop.find(({ tag }) => tag === 'N3');
    const n4 = loop.find(({ tag }) => tag === 'N4');
    if (n4 === undefined) this.#missing('N4');
    const [city = '', area = '', postalCode = '', country = ''] = n4?.elements ?? [];
    const address = {
      postalCode,
      country,
      city: area === '' ? city : `${city}, ${area}`,
      street: (n3?.elements ?? []).filter((part) => part !== '').join(', '),
      recipient: n1?.elements[1] ?? '',
      email: '',
      latitude: '',
      longitude: '',
    };
    if (n4 === undefined) return { latitude: 0, longitude: 0, postalCode };
    return this.#element(n4, 3, () => destinationOf(this.#fields, n4.row ?? row, address, NAMES, this.#terms.locate));
  }

  #extras(orderId: string): Partial<OrderDocument> {
    const { segments } = this.#set;
    const buyer = segments.find(({ tag, elements }) => tag === 'N1' && elements[0] === 'BY');
    const customer = buyer?.elements[3] ?? '';
    const refuse = this.#wrong.bind(this);
    const { promisedAt, attributes: dates, remarks } = readDates(segments, this.#terms.now, refuse);
    this.#remarks.push(...remarks);
    const attributes = { ...this.#numbers(orderId), ...dates };
    return {
      ...(buyer === undefined || customer === ''
        ? {}
        : {
            customer: this.#element(buyer, 4, () => this.#fields.name(buyer.row, 'N104', customer, OWNER_LENGTH_MAX)),
          }),
      ...(promisedAt === undefined ? {} : { promisedAt }),
      ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    };
  }

  /** As the partner calls it, where that is not its orderId: for what is sent back. */
  #numbers(orderId: string): Record<string, string> {
    const [, , purchaseOrder = '', release = ''] = this.#set.segments.find(({ tag }) => tag === 'BEG')?.elements ?? [];
    if (purchaseOrder === '' || orderId === purchaseOrder) return {};
    return { purchaseOrder, ...(release === '' ? {} : { release }) };
  }

  /** What is not known, and the count of lines. */
  #checkRest(lines: number): void {
    const known = new Set(['BEG', 'CUR', 'DTM', 'N1', 'N3', 'N4', 'PO1', 'CTT']);
    for (const segment of this.#set.segments) {
      if (known.has(segment.tag) || IGNORED.has(segment.tag)) continue;
      this.#note(segment, '1');
      this.#fields.fail(
        segment.row,
        segment.tag,
        'this segment is not understood here, and may change the order',
        'Leave it out.',
      );
    }
    const total = this.#set.segments.find(({ tag }) => tag === 'CTT');
    if (total !== undefined && Number(total.elements[0]) !== lines) {
      this.#wrong(
        total,
        1,
        `says that there are ${total.elements[0] ?? 'no'} lines, and there are ${lines}`,
        'Have the sender write the set again.',
      );
    }
  }

  /** From an N1 to the next one, or to the first line. */
  #loop(from: number): readonly Segment[] {
    const rest = this.#set.segments.slice(from + 1);
    const end = rest.findIndex(({ tag }) => tag === 'N1' || tag === 'PO1' || tag === 'CTT');
    return end < 0 ? rest : rest.slice(0, end);
  }

  #one(tag: string): Segment | undefined {
    const [found, second] = this.#set.segments.filter((segment) => segment.tag === tag);
    if (found === undefined) this.#missing(tag);
    if (second !== undefined) {
      this.#note(second, '5');
      this.#fields.fail(second.row, tag, 'the segment is there twice', 'Leave one of them out.');
    }
    return found;
  }

  #missing(tag: string): void {
    this.notes.push({ tag, position: this.#set.segments.length + 2, code: '3' });
    const what = tag === 'N1' ? 'there is no N1*ST, the place to ship to' : `there is no ${tag}`;
    this.#fields.fail(this.#set.row, tag, what, 'Have the sender write the set again.');
  }

  /** Notes the element too, where reading it finds something wrong. */
  #element<T>(segment: Segment, position: number, read: () => T): T {
    const before = this.#fields.errors.length;
    const value = read();
    if (this.#fields.errors.length > before) this.#noteElement(segment, position);
    return value;
  }

  #wrong(segment: Segment, position: number, reason: string, next: string): void {
    this.#fields.fail(segment.row, elementName(segment.tag, position), reason, next);
    this.#noteElement(segment, position);
  }

  #noteElement(segment: Segment, position: number): void {
    const value = segment.elements[position - 1] ?? '';
    this.#note(segment, '8', { position, code: value === '' ? '1' : '7', value });
  }

  #note(segment: Segment, code: SegmentNote['code'], element?: SegmentNote['element']): void {
    const position = this.#set.segments.indexOf(segment) + 2;
    this.notes.push({ tag: segment.tag, position, code, ...(element === undefined ? {} : { element }) });
  }
}
