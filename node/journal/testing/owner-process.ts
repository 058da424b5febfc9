// A process that owns a lane or reads one, for tests of crashes and of several processes:
//   node owner-process.js own <url> <region> <batches> <in flight> [<lane>]   appends, printing `ok <lastSeq>` for each that
//                                                                    is acknowledged; 0 batches: without end
//   node owner-process.js read <url> <region>                        prints `read <lastSeq>` after verifying, then ends
// What happens is written with writeSync, so that a trace of system calls shows its place among them.
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openStore } from '../open.ts';
import { FIRST_LANE } from '../port.ts';
import { readVerified } from '../verify.ts';
import { BatchWriter, collect } from './batches.ts';

const RECORDS = Buffer.alloc(64 * 60, 1);
const [, , mode = '', url = '', region = '', batches = '0', inFlight = '1', laneName = FIRST_LANE] = process.argv;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function own(): Promise<void> {
  const store = await openStore(url);
  const claim = { ownerId: randomUUID(), nonce: randomUUID(), epochSeen: 0, sessionTtlMs: 60_000 };
  const lane = await store.acquire({ region, partitions: 8, hash: 'fnv1a-32' }, claim, laneName);
  const writer = new BatchWriter(lane, (await collect(lane.batches(1))).at(-1));
  say(`acquired ${lane.epoch} ${lane.openedAtSeq}`);
  let left = Number(batches) || Number.POSITIVE_INFINITY;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const batch = writer.next(64, RECORDS);
      say(`append ${batch.lastSeq}`);
      const result = await lane.append(batch);
      say(`${result.toLowerCase()} ${batch.lastSeq}`);
      if (result !== 'OK') return;
    }
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, work));
  say('done');
  // The lane stays owned: the test decides how this process ends.
  process.stdin.on('end', () => process.exit(0)).resume();
}

async function read(): Promise<void> {
  const store = await openStore(url, { readOnly: true });
  const reader = await store.reader(region);
  const seen = await collect(readVerified(reader, 1, 0));
  say(`read ${seen.at(-1)?.lastSeq ?? 0}`);
  await store.close();
}

await (mode === 'own' ? own() : read());
