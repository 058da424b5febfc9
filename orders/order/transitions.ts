// What each verb may do to a package in each state: the whole table, so that a missing cell does not compile.
import type { PackageState } from './types.ts';

export type PackageVerb =
  | 'release'
  | 'pick'
  | 'shortPick'
  | 'pack'
  | 'book'
  | 'unbook'
  | 'reroute'
  | 'ship'
  | 'scan'
  | 'deliver'
  | 'reject'
  | 'lose'
  | 'damage'
  | 'intercept'
  | 'cancel';

/** A state: the package goes there. keep: it stays as it is. refuse: what came is told what stands in its way. */
export type PackageCell = PackageState | 'keep' | 'refuse';

/** Nothing changes a package in these any more but a carrier that finds or breaks it. */
const ENDED: Record<PackageVerb, PackageCell> = {
  release: 'refuse',
  pick: 'refuse',
  shortPick: 'refuse',
  pack: 'refuse',
  book: 'refuse',
  unbook: 'refuse',
  reroute: 'refuse',
  ship: 'refuse',
  scan: 'refuse',
  deliver: 'refuse',
  reject: 'refuse',
  lose: 'refuse',
  damage: 'refuse',
  intercept: 'refuse',
  cancel: 'refuse',
};

export const PACKAGE_TRANSITIONS: Record<PackageState, Record<PackageVerb, PackageCell>> = {
  RESERVED: { ...ENDED, release: 'RELEASED', reroute: 'keep', reject: 'REJECTED', cancel: 'CANCELLED' },
  RELEASED: {
    ...ENDED,
    pick: 'PICKED',
    shortPick: 'SHORT_PICKED',
    reroute: 'keep',
    reject: 'REJECTED',
    cancel: 'CANCELLED',
  },
  PICKED: {
    ...ENDED,
    shortPick: 'SHORT_PICKED',
    pack: 'PACKED',
    reroute: 'keep',
    reject: 'REJECTED',
    cancel: 'CANCELLED',
  },
  SHORT_PICKED: {
    ...ENDED,
    shortPick: 'SHORT_PICKED',
    pack: 'PACKED',
    reroute: 'keep',
    reject: 'REJECTED',
    cancel: 'CANCELLED',
  },
  PACKED: { ...ENDED, book: 'BOOKED', reroute: 'keep', reject: 'REJECTED', cancel: 'CANCELLED' },
  BOOKED: { ...ENDED, unbook: 'PACKED', ship: 'SHIPPED', scan: 'keep', cancel: 'CANCELLED' },
  SHIPPED: {
    ...ENDED,
    scan: 'keep',
    deliver: 'DELIVERED',
    lose: 'LOST',
    damage: 'DAMAGED',
    intercept: 'INTERCEPTED',
  },
  DELIVERED: { ...ENDED, scan: 'keep', damage: 'DAMAGED' },
  REJECTED: ENDED,
  // A lost parcel is found at times: its scans are kept, also while its units are on their way a second time.
  LOST: { ...ENDED, scan: 'keep', deliver: 'DELIVERED' },
  DAMAGED: { ...ENDED, scan: 'keep' },
  INTERCEPTED: { ...ENDED, scan: 'keep' },
  CANCELLED: ENDED,
};
