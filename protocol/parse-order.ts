// Checks an order's document and the command to an order: every field by name, every size bounded. What it makes of a document has
// only the fields that were given, in one order, so that two documents that say the same are the same JSON.
import type { FieldChecker, Source } from './fields.ts';
import { show } from './fields.ts';
import * as limits from './limits.ts';
import { isName } from './names.ts';
import type { Json, OrderCommand, OrderComponent, OrderDestination, OrderDocument, OrderLine } from './orders.ts';
import { nearest } from './suggest.ts';

const ORDER = [
  'orderId',
  'lines',
  'destination',
  'promisedAt',
  'service',
  'channel',
  'customer',
  'currency',
  'policy',
  'attributes',
] as const;
const LINE = ['lineId', 'sku', 'qty', 'grams', 'value', 'substitutes', 'components'] as const;
const COMPONENT = ['sku', 'qty'] as const;
const DESTINATION = ['latitude', 'longitude', 'postalCode', 'country', 'city', 'street', 'recipient', 'email'] as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NO_ORDER: OrderDocument = {
  orderId: '',
  lines: [],
  destination: { latitude: 0, longitude: 0, postalCode: '' },
};

/** The document as it will be kept; a stand-in where something is wrong with it, which the checker then knows. */
export function checkOrder(check: FieldChecker, value: unknown): OrderDocument {
  const { seen } = check;
  const source = mapOf(check, 'order', value, ORDER);
  const order = source === undefined ? NO_ORDER : readOrder(check, source);
  check.seen = seen + (value === undefined ? 0 : 1);
  return order;
}

function readOrder(check: FieldChecker, source: Source): OrderDocument {
  const order: Writable<OrderDocument> = {
    orderId: check.name('order.orderId', source.orderId, limits.ORDER_ID_LENGTH_MAX),
    lines: readLines(check, source.lines),
    destination: readDestination(check, source.destination),
  };
  const { promisedAt, service, channel, customer, currency, policy, attributes } = source;
  if (promisedAt !== undefined) order.promisedAt = check.integer('order.promisedAt', promisedAt, 0, limits.TIME_MS_MAX);
  if (service !== undefined) order.service = check.name('order.service', service, limits.SERVICE_LENGTH_MAX);
  if (channel !== undefined) order.channel = check.name('order.channel', channel, limits.CHANNEL_LENGTH_MAX);
  if (customer !== undefined) order.customer = check.name('order.customer', customer, limits.OWNER_LENGTH_MAX);
  if (currency !== undefined) order.currency = check.name('order.currency', currency, limits.CURRENCY_LENGTH_MAX);
  if (policy === 'all' || policy === 'partial') order.policy = policy;
  else if (policy !== undefined) check.fail(`order.policy must be "all" or "partial", got ${show(policy)}`);
  if (attributes !== undefined) order.attributes = readAttributes(check, attributes);
  return order;
}

function readLines(check: FieldChecker, value: unknown): readonly OrderLine[] {
  const values = listOf(check, 'order.lines', value, limits.ORDER_LINES_MAX);
  if (values === undefined) return [];
  const ids = new Set<string>();
  const lines: OrderLine[] = [];
  for (let n = 0; n < values.length && check.readsOn; n++) {
    const line = readLine(check, `order.lines[${n}]`, values[n]);
    if (line === undefined) break;
    if (ids.has(line.lineId)) check.fail(`order.lines[${n}].lineId ${show(line.lineId)} is that of another line`);
    ids.add(line.lineId);
    lines.push(line);
  }
  return lines;
}

function readLine(check: FieldChecker, path: string, value: unknown): OrderLine | undefined {
  const source = mapOf(check, path, value, LINE);
  if (source === undefined) return undefined;
  const line: Writable<OrderLine> = {
    lineId: check.name(`${path}.lineId`, source.lineId, limits.LINE_ID_LENGTH_MAX),
    sku: check.name(`${path}.sku`, source.sku, limits.SKU_LENGTH_MAX),
    qty: check.integer(`${path}.qty`, source.qty, 1, limits.QTY_MAX),
  };
  const { grams, value: worth, substitutes, components } = source;
  if (grams !== undefined) line.grams = check.integer(`${path}.grams`, grams, 0, limits.QTY_MAX);
  if (worth !== undefined) line.value = check.integer(`${path}.value`, worth, 0, limits.MONEY_MAX);
  if (substitutes !== undefined) {
    const list = check.names(`${path}.substitutes`, substitutes, limits.SKU_LENGTH_MAX);
    if (list.length > limits.SUBSTITUTES_MAX) {
      check.fail(`${path}.substitutes may name at most ${limits.SUBSTITUTES_MAX}, got ${list.length}`);
    }
    line.substitutes = [...list];
  }
  if (components !== undefined) line.components = readComponents(check, `${path}.components`, components);
  return line;
}

export function readComponents(check: FieldChecker, path: string, value: unknown): readonly OrderComponent[] {
  const values = listOf(check, path, value, limits.COMPONENTS_MAX) ?? [];
  const components: OrderComponent[] = [];
  for (let n = 0; n < values.length && check.readsOn; n++) {
    const at = `${path}[${n}]`;
    const source = mapOf(check, at, values[n], COMPONENT);
    if (source === undefined) break;
    components.push({
      sku: check.name(`${at}.sku`, source.sku, limits.SKU_LENGTH_MAX),
      qty: check.integer(`${at}.qty`, source.qty, 1, limits.COMPONENT_QTY_MAX),
    });
  }
  return components;
}

function readDestination(check: FieldChecker, value: unknown): OrderDestination {
  const path = 'order.destination';
  const source = mapOf(check, path, value, DESTINATION);
  if (source === undefined) return NO_ORDER.destination;
  const destination: Writable<OrderDestination> = {
    latitude: degrees(check, `${path}.latitude`, source.latitude, 90),
    longitude: degrees(check, `${path}.longitude`, source.longitude, 180),
    postalCode: check.text(`${path}.postalCode`, source.postalCode, limits.POSTAL_CODE_LENGTH_MAX),
  };
  for (const field of ['country', 'city', 'street', 'recipient', 'email'] as const) {
    if (source[field] === undefined) continue;
    destination[field] = check.text(`${path}.${field}`, source[field], limits.ADDRESS_LENGTH_MAX);
  }
  return destination;
}

function degrees(check: FieldChecker, field: string, value: unknown, max: number): number {
  if (typeof value === 'number' && value >= -max && value <= max) return value + 0;
  const expected = `a number from ${-max} to ${max}`;
  if (value === undefined) check.missing(field, expected);
  else check.fail(`${field} must be ${expected}, got ${show(value)}`);
  return 0;
}

function readAttributes(check: FieldChecker, value: unknown): Readonly<Record<string, string>> {
  const attributes: Record<string, string> = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    check.fail(`order.attributes must be a map from names to texts, got ${show(value)}`);
    return attributes;
  }
  const names = Object.keys(value).sort();
  if (names.length > limits.ATTRIBUTES_MAX) {
    check.fail(`order.attributes may have at most ${limits.ATTRIBUTES_MAX} entries, got ${names.length}`);
  }
  for (const name of names) {
    if (check.problem !== undefined) break;
    if (name === '__proto__' || !isName(name, limits.ATTRIBUTE_NAME_LENGTH_MAX)) {
      check.fail(`order.attributes may not have the key ${show(name)}`);
      break;
    }
    const text = (value as Source)[name];
    attributes[name] = check.text(`order.attributes[${show(name)}]`, text, limits.ATTRIBUTE_LENGTH_MAX);
  }
  return attributes;
}

const NO_COMMAND: OrderCommand = { type: '' };

/** A command of any type: a map of plain data, no larger than an event may be. What it says its order's core checks. */
export function checkCommand(check: FieldChecker, value: unknown): OrderCommand {
  if (value === undefined) {
    check.missing('command', 'a map with a type');
    return NO_COMMAND;
  }
  check.seen++;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    check.fail(`command must be a map with a type, got ${show(value)}`);
    return NO_COMMAND;
  }
  const { type } = value as Source;
  if (typeof type !== 'string' || !isName(type, limits.COMMAND_TYPE_LENGTH_MAX)) {
    check.fail(
      `command.type must be 1 to ${limits.COMMAND_TYPE_LENGTH_MAX} printable characters without spaces, got ${show(type)}`,
    );
    return NO_COMMAND;
  }
  const wrong = whyNotPlain(value, 'command');
  if (wrong !== undefined) {
    check.fail(wrong);
    return NO_COMMAND;
  }
  const { length } = JSON.stringify(value);
  if (length > limits.COMMAND_LENGTH_MAX) {
    check.fail(`command may have at most ${limits.COMMAND_LENGTH_MAX} characters of JSON, got ${length}`);
  }
  return value as OrderCommand;
}

const LONE_SURROGATE = /\p{Cs}/u;
/** As much of a path as a message may repeat. */
const PATH_LENGTH_MAX = 100;

/** What in a value JSON would not give back as it is; undefined: nothing. The depth was bounded when it was decoded. */
function whyNotPlain(value: unknown, path: string): string | undefined {
  switch (typeof value) {
    case 'string':
      return LONE_SURROGATE.test(value)
        ? `${path.slice(0, PATH_LENGTH_MAX)} is a text that is not well-formed`
        : undefined;
    case 'number':
      return Number.isFinite(value)
        ? undefined
        : `${path.slice(0, PATH_LENGTH_MAX)} must be a finite number, got ${value}`;
    case 'boolean':
      return undefined;
    case 'object':
      break;
    default:
      return `${path.slice(0, PATH_LENGTH_MAX)} must be plain data, got ${show(value)}`;
  }
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    for (let n = 0; n < value.length; n++) {
      const wrong = whyNotPlain(value[n], `${path}[${n}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || LONE_SURROGATE.test(key)) return `command may not have the key ${show(key)}`;
    const wrong = whyNotPlain((value as Readonly<Record<string, Json>>)[key], `${path}.${key}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The kinds of tasks that are asked for. */
export function checkKinds(check: FieldChecker, value: unknown): readonly string[] {
  const kinds = check.names('kinds', value, limits.TASK_KIND_LENGTH_MAX);
  if (kinds.length > limits.TASK_KINDS_MAX) {
    check.fail(`kinds may name at most ${limits.TASK_KINDS_MAX}, got ${kinds.length}`);
  }
  return kinds;
}

export function mapOf(
  check: FieldChecker,
  path: string,
  value: unknown,
  fields: readonly string[],
): Source | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const withFields = `with ${fields.slice(0, 3).join(', ')}`;
    if (value === undefined) check.missing(path, `a map ${withFields}`);
    else check.fail(`${path} must be a map, got ${show(value)} ${withFields}`);
    return undefined;
  }
  for (const field of Object.keys(value)) {
    if (fields.includes(field) || (value as Source)[field] === undefined) continue;
    const meant = nearest(field, fields);
    const hint = meant === undefined ? `; it takes ${fields.join(', ')}` : ` (did you mean "${meant}"?)`;
    check.fail(`unknown field ${show(field)} in ${path}${hint}`);
    return undefined;
  }
  return value as Source;
}

/** A list of at least one and at most `max`. */
export function listOf(check: FieldChecker, path: string, value: unknown, max: number): readonly unknown[] | undefined {
  if (!Array.isArray(value)) {
    if (value === undefined) check.missing(path, 'an array');
    else check.fail(`${path} must be an array, got ${show(value)}`);
    return undefined;
  }
  if (value.length < 1 || value.length > max) {
    check.fail(`${path} must have 1 to ${max} entries, got ${value.length}`);
    return undefined;
  }
  return value;
}

/** Whether it is a text that may name a trace. */
export function checkTraceId(check: FieldChecker, value: unknown): string | undefined {
  return check.optionalName('traceId', value, limits.TRACE_ID_LENGTH_MAX);
}
