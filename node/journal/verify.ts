// Reads a lane and trusts nothing: every batch is checked against the one before (I8) and the end against what the
// store says was acknowledged, so that a loss is reported and never silent (I5). Yields batches; decodes no records.
import { type DecodedBatch, decodeBatch, hex, JournalCorrupt } from './batch.ts';
import type { LaneReader } from './port.ts';

/**
 * The batches from `fromSeq` to the lane's end at the time of the call, verified.
 * @param fromSeq the first seq wanted: 1, or a snapshot's coveredSeq + 1
 * @param checksum the chained checksum at fromSeq − 1. When it is given the first batch must begin exactly at
 *   fromSeq and link to it. Undefined: nothing is known of what came before (an audit of a trimmed journal, or a
 *   start inside a batch), and the chain is checked from the first batch on.
 * @throws JournalCorrupt on a gap, an epoch that decreases, a second nonce in an epoch, a broken chain, bytes cut
 *   short or altered, or an end before the last acknowledged seq
 */
export async function* readVerified(
  reader: LaneReader,
  fromSeq: number,
  checksum: number | undefined,
): AsyncGenerator<DecodedBatch, void, undefined> {
  // Read before the batches: the end can only have moved on when they are read.
  const ownership = await reader.ownership();
  const endSeq = ownership?.lastSeq ?? 0;
  let previous: DecodedBatch | undefined;
  for await (const { firstSeq, lastSeq, bytes } of reader.batches(fromSeq)) {
    const batch = decodeBatch(bytes);
    if (batch.firstSeq !== firstSeq || batch.lastSeq !== lastSeq) {
      throw new JournalCorrupt(firstSeq, `records ${firstSeq} to ${lastSeq}`, `${batch.firstSeq} to ${batch.lastSeq}`);
    }
    if (previous === undefined) checkFirst(batch, fromSeq, checksum);
    else checkLink(previous, batch);
    if (ownership !== undefined) checkOwner(batch, ownership);
    previous = batch;
    yield batch;
  }
  const readTo = previous?.lastSeq ?? fromSeq - 1;
  if (readTo < endSeq) throw new JournalCorrupt(readTo + 1, `records up to ${endSeq}`, 'the end of the lane');
  if (previous === undefined && endSeq < fromSeq - 1) {
    throw new JournalCorrupt(fromSeq, `a lane that reaches seq ${fromSeq - 1}`, `one that ends at ${endSeq}`);
  }
}

function checkFirst(batch: DecodedBatch, fromSeq: number, checksum: number | undefined): void {
  if (checksum === undefined) return;
  if (batch.firstSeq !== fromSeq) {
    throw new JournalCorrupt(fromSeq, `a batch that begins at ${fromSeq}`, `one that begins at ${batch.firstSeq}`);
  }
  if (batch.prevChecksum !== checksum) {
    throw new JournalCorrupt(fromSeq, `a link to checksum ${hex(checksum)}`, hex(batch.prevChecksum));
  }
}

function checkLink(previous: DecodedBatch, batch: DecodedBatch): void {
  const seq = batch.firstSeq;
  if (seq !== previous.lastSeq + 1) {
    throw new JournalCorrupt(previous.lastSeq + 1, `a batch that begins at ${previous.lastSeq + 1}`, `one at ${seq}`);
  }
  if (batch.epoch < previous.epoch) {
    throw new JournalCorrupt(seq, `an epoch ≥ ${previous.epoch}`, `epoch ${batch.epoch}`);
  }
  if (batch.epoch === previous.epoch && batch.nonce !== previous.nonce) {
    throw new JournalCorrupt(seq, `nonce ${previous.nonce} throughout epoch ${batch.epoch}`, `nonce ${batch.nonce}`);
  }
  if (batch.prevChecksum !== previous.checksum) {
    throw new JournalCorrupt(seq, `a link to checksum ${hex(previous.checksum)}`, hex(batch.prevChecksum));
  }
}

/** The epoch of the last owner recorded allows one nonce too; later owners are not known to this read. */
function checkOwner(batch: DecodedBatch, ownership: { readonly epoch: number; readonly nonce: string }): void {
  if (batch.epoch === ownership.epoch && batch.nonce !== ownership.nonce) {
    throw new JournalCorrupt(
      batch.firstSeq,
      `nonce ${ownership.nonce} in epoch ${batch.epoch}, as acquired`,
      `nonce ${batch.nonce}`,
    );
  }
}
