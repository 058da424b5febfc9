// What can be sold, written for systems that ask for files: the positions of a running grid in files of so many each.
import type { Format } from '../../../orders/legacy/items.ts';
import { RECORDS_OUT_MAX } from '../../../orders/legacy/limits.ts';
import { writePositions } from '../../../orders/legacy/shipments.ts';
import type { PositionAdvice } from '../../../orders/legacy/x12/inventory-846.ts';
import { Unwritable } from '../../../orders/legacy/x12/segments.ts';
import type { AvailabilityView } from '../../../protocol/index.ts';
import { usageError } from '../exit.ts';
import type { Patience } from '../patience.ts';

export interface PositionsOut {
  readonly out: string;
  readonly format: Format;
  /** Of these ship nodes; undefined: of all. */
  readonly nodes?: readonly string[];
  /** When they are asked for, ms since the epoch: files are named by it. */
  readonly at: number;
}

export interface Written {
  readonly positions: number;
  readonly files: number;
}

/**
 * Writes the positions of one region as they are listed.
 * @throws UserError where X12 cannot hold a name
 */
export async function writeRegion(
  views: AsyncIterable<AvailabilityView>,
  region: string,
  { out, format, nodes, at }: PositionsOut,
  patience: Patience,
): Promise<Written> {
  let pending: PositionAdvice[] = [];
  let written: Written = { positions: 0, files: 0 };
  const write = async (): Promise<void> => {
    if (pending.length === 0) return;
    const { positions, files } = written;
    await writePositions({ out, format, batchId: batchIdOf(region, at, files + 1) }, pending);
    written = { positions: positions + pending.length, files: files + 1 };
    pending = [];
  };
  try {
    for await (const { sku, nodes: held } of views) {
      patience.pause();
      for (const { node, onHand, shortfall = 0, availableToSell } of held) {
        if (nodes?.includes(node) === false) continue;
        // What was counted: units still to be written off are not there.
        pending.push({ node, sku, onHand: onHand - shortfall, availableToSell });
        if (pending.length === RECORDS_OUT_MAX) await write();
      }
      patience.heard();
    }
    await write();
  } catch (error) {
    if (!(error instanceof Unwritable)) throw error;
    throw usageError(`region ${region} cannot be written as X12: ${error.message}`, 'Write it with --format csv.');
  }
  return written;
}

/** `us-east-20261124T120000000Z-1` */
function batchIdOf(region: string, at: number, part: number): string {
  return `${region.replace(/[^A-Za-z0-9._-]/g, '-')}-${new Date(at).toISOString().replace(/[-:.]/g, '')}-${part}`;
}
