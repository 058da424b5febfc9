// Rows about pooled stock on their way out of a worker and in: out to the regions they are for, in to the lane that serves
// their sku, which may be another worker's. A row that arrives at the wrong worker goes on once, and is dropped after that:
// routes are hints, and rows are said again.
import { BadPoolMessage, decodeRows, encodeRows, type PoolRow, ROWS_MAX } from '../../cluster/escrow/index.ts';
import { MESH_KIND, type Mesh } from '../../cluster/mesh/port.ts';
import { partitionOf } from '../core/index.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { PoolLink } from './pool-link.ts';

export interface PoolRelayDeps {
  readonly region: string;
  readonly partitions: number;
  readonly mesh: Mesh;
  readonly link: PoolLink;
  /** The lane of this worker that serves the partition, or the address of the worker that does. */
  readonly whereIs: (partition: number) => Pick<InventoryGrid, 'poolRow'> | string | undefined;
  /** Rows that were not taken in here: passed on to another worker, or dropped. */
  readonly notServed: (result: 'passed' | 'dropped', rows: number) => void;
}

export class PoolRelay {
  readonly #deps: PoolRelayDeps;

  constructor(deps: PoolRelayDeps) {
    this.#deps = deps;
    deps.link.onRows((from, bytes) => this.#arrived(from, bytes));
    deps.mesh.handle(MESH_KIND.escrow, (body) => this.#passedOn(body));
  }

  /** Sends rows, all of them durable at their sender. */
  send(rows: readonly PoolRow[]): void {
    sendEach(
      rows,
      ({ to }) => to,
      (region, bytes) => this.#deps.link.send(region, bytes),
    );
  }

  /** From another region: to whoever serves the skus. */
  #arrived(from: string, bytes: Uint8Array): void {
    const { region, mesh, notServed } = this.#deps;
    const elsewhere: { row: PoolRow; address: string }[] = [];
    let dropped = 0;
    for (const row of read(bytes)) {
      const place = row.from === from && row.to === region ? this.#placeOf(row) : undefined;
      if (place === undefined) dropped += 1;
      else if (typeof place === 'string') elsewhere.push({ row, address: place });
      else place.poolRow(row);
    }
    sendEach(
      elsewhere.map(({ row }) => row),
      (_, i) => (elsewhere[i] as { address: string }).address,
      (address, body) => mesh.notify(address, MESH_KIND.escrow, body),
    );
    if (elsewhere.length > 0) notServed('passed', elsewhere.length);
    if (dropped > 0) notServed('dropped', dropped);
  }

  /** From a worker of this region, which looked at it: taken in here or not at all. */
  #passedOn(bytes: Uint8Array): void {
    let dropped = 0;
    for (const row of read(bytes)) {
      const place = this.#placeOf(row);
      if (typeof place === 'object') place.poolRow(row);
      else dropped += 1;
    }
    if (dropped > 0) this.#deps.notServed('dropped', dropped);
  }

  #placeOf(row: PoolRow) {
    const { partitions, whereIs } = this.#deps;
    return whereIs(partitionOf(row.sku, partitions));
  }
}

/** A message that is none of ours says nothing. */
function read(bytes: Uint8Array): PoolRow[] {
  try {
    return decodeRows(bytes);
  } catch (error) {
    if (error instanceof BadPoolMessage) return [];
    throw error;
  }
}

/** Sends the rows to each place in as few messages as they fit. */
function sendEach(
  rows: readonly PoolRow[],
  placeOf: (row: PoolRow, index: number) => string,
  send: (place: string, bytes: Uint8Array) => void,
): void {
  const byPlace = new Map<string, PoolRow[]>();
  for (const [i, row] of rows.entries()) {
    const place = placeOf(row, i);
    const group = byPlace.get(place);
    if (group === undefined) byPlace.set(place, [row]);
    else group.push(row);
  }
  for (const [place, group] of byPlace) {
    for (let i = 0; i < group.length; i += ROWS_MAX) send(place, encodeRows(group.slice(i, i + ROWS_MAX)));
  }
}
