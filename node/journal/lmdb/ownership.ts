// Taking a lane over in LMDB: who owned it, whether that process still runs, and the new epoch, in one transaction.
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { howToStop, type Liveness, livenessOf, type ProcessIdentity, thisProcess } from '../identity.ts';
import { type Claim, LaneBusy, LayoutMismatch, type RegionLayout } from '../port.ts';
import type { Environment } from './environment.ts';
import { json, readJson } from './records.ts';

/** The value of the fence; its version in the table is the epoch. */
export interface OwnerRecord {
  readonly epoch: number;
  readonly nonce: string;
  readonly ownerId: string;
  readonly sessionTtlMs: number;
  readonly process: ProcessIdentity;
  readonly released: boolean;
}

/** Judges the last owner. Tests replace it to let an owner seem dead while it is not: a zombie. */
export type Judge = (owner: OwnerRecord) => Liveness;

export const judgeByProcess: Judge = (owner) => livenessOf(owner.process);

/** Whoever cannot see the owner's pid goes by this file: renewals touch it. */
const HEARTBEAT_FILE = 'heartbeat';

/**
 * Writes the new owner; durable when it returns.
 * @throws LaneBusy, LayoutMismatch
 */
export function takeOver(environment: Environment, layout: RegionLayout, claim: Claim, judge: Judge): OwnerRecord {
  const owner = environment.transact(() => {
    const { state } = environment.tables;
    const created = readJson<RegionLayout>(environment, 'layout');
    if (created === undefined) {
      state.putSync('layout', json({ region: layout.region, partitions: layout.partitions, hash: layout.hash }), 1);
      state.putSync('head', Buffer.from('head'), 0);
    } else {
      checkLayout(created, layout, environment.directory);
    }
    const last = readJson<OwnerRecord>(environment, 'fence');
    if (last !== undefined) checkDead(last, claim, environment.directory, judge);
    const next: OwnerRecord = {
      epoch: Math.max(last?.epoch ?? 0, claim.epochSeen) + 1,
      nonce: claim.nonce,
      ownerId: claim.ownerId,
      sessionTtlMs: claim.sessionTtlMs,
      process: thisProcess(),
      released: false,
    };
    // Before anybody else can see the fence: who looked at an old heartbeat then would take the new owner for dead.
    beat(environment.directory);
    state.putSync('fence', json(next), next.epoch);
    return next;
  });
  return owner;
}

/** Says that the owner is alive to those who cannot see its process. */
export function beat(directory: string): void {
  const path = join(directory, HEARTBEAT_FILE);
  // For who can see the process, by the clock that all processes of one boot share and nobody sets; for all others by
  // the wall clock.
  const times = [process.hrtime()[0] + process.hrtime()[1] / 1e9, new Date()] as const;
  try {
    utimesSync(path, ...times);
  } catch {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, '');
    utimesSync(path, ...times);
  }
}

export function checkLayout(created: RegionLayout, asked: RegionLayout, directory: string): void {
  if (created.region === asked.region && created.partitions === asked.partitions && created.hash === asked.hash) return;
  throw new LayoutMismatch(
    `${directory} holds region ${created.region} with ${created.partitions} partitions by ${created.hash}, ` +
      `not ${asked.region} with ${asked.partitions} by ${asked.hash}; start with the former, or use another directory`,
  );
}

function checkDead(last: OwnerRecord, claim: Claim, directory: string, judge: Judge): void {
  if (last.released || last.ownerId === claim.ownerId) return;
  const liveness = judge(last);
  if (liveness === 'dead') return;
  const { pid, host } = last.process;
  const { byMonotonicMs, byWallMs } = heartbeat(directory);
  const isSeen = liveness === 'alive';
  const [seconds, nanoseconds] = process.hrtime();
  // A process that runs and has not renewed for so long is stopped, or stuck: whatever it still writes is fenced.
  const agoMs = isSeen ? seconds * 1_000 + nanoseconds / 1e6 - byMonotonicMs : Date.now() - byWallMs;
  const leftMs = Math.ceil(last.sessionTtlMs - agoMs);
  if (leftMs <= 0) return;
  throw new LaneBusy(
    isSeen
      ? `${directory} is in use by process ${pid}, which is running; ${howToStop(last.process)}, or use another directory`
      : `${directory} was in use by process ${pid} of ${host}, which cannot be seen from here, ` +
          `less than ${last.sessionTtlMs} ms ago; wait ${leftMs} ms, or stop it`,
    leftMs,
  );
}

function heartbeat(directory: string): { readonly byMonotonicMs: number; readonly byWallMs: number } {
  try {
    const { atimeMs, mtimeMs } = statSync(join(directory, HEARTBEAT_FILE));
    return { byMonotonicMs: atimeMs, byWallMs: mtimeMs };
  } catch {
    return { byMonotonicMs: Number.NEGATIVE_INFINITY, byWallMs: Number.NEGATIVE_INFINITY };
  }
}
