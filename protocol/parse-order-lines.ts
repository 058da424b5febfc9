// Checks the lines of a reserveOrder: every field by name, every size bounded. What it makes of a line has only the fields that were
// given, in one order, so that two requests that say the same are the same JSON.
import type { FieldChecker } from './fields.ts';
import { show } from './fields.ts';
import * as limits from './limits.ts';
import type { OrderLineRequest } from './order-reservations.ts';
import { listOf, mapOf, readComponents } from './parse-order.ts';

const LINE = ['lineId', 'sku', 'qty', 'region', 'node', 'substitutes', 'components'] as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The lines as they will be kept; none where something is wrong with them, which the checker then knows. */
export function checkLines(check: FieldChecker, value: unknown): readonly OrderLineRequest[] {
  const { seen } = check;
  const values = listOf(check, 'lines', value, limits.RESERVE_LINES_MAX) ?? [];
  const ids = new Set<string>();
  const lines: OrderLineRequest[] = [];
  for (let n = 0; n < values.length && check.readsOn; n++) {
    const line = readLine(check, `lines[${n}]`, values[n]);
    if (line === undefined) break;
    if (ids.has(line.lineId)) check.fail(`lines[${n}].lineId ${show(line.lineId)} is that of another line`);
    ids.add(line.lineId);
    lines.push(line);
  }
  check.seen = seen + (value === undefined ? 0 : 1);
  return lines;
}

function readLine(check: FieldChecker, path: string, value: unknown): OrderLineRequest | undefined {
  const source = mapOf(check, path, value, LINE);
  if (source === undefined) return undefined;
  const { region, node, substitutes, components } = source;
  const line: Writable<OrderLineRequest> = {
    lineId: check.name(`${path}.lineId`, source.lineId, limits.LINE_ID_LENGTH_MAX),
    sku: check.name(`${path}.sku`, source.sku, limits.SKU_LENGTH_MAX),
    qty: check.integer(`${path}.qty`, source.qty, 1, limits.QTY_MAX),
  };
  if (region !== undefined) {
    line.region = check.name(`${path}.region`, region, limits.REGION_LENGTH_MAX);
    if (line.region.includes('/')) check.fail(`${path}.region must not contain a slash, got ${show(region)}`);
  }
  if (node !== undefined) line.node = check.name(`${path}.node`, node, limits.NODE_LENGTH_MAX);
  if (substitutes !== undefined) {
    line.substitutes = [...check.names(`${path}.substitutes`, substitutes, limits.SKU_LENGTH_MAX)];
    if (line.substitutes.length > limits.SUBSTITUTES_MAX) {
      check.fail(`${path}.substitutes may name at most ${limits.SUBSTITUTES_MAX}, got ${line.substitutes.length}`);
    }
  }
  if (components !== undefined) line.components = readComponents(check, `${path}.components`, components);
  return line;
}
