// What the supervisor tells a worker process it forks, and back, and how a failed start reads to a person.
import { EXIT, messageOf, UserError } from './exit.ts';
import type { MeshTlsFiles } from './mesh-tls.ts';

/** Passed as JSON in the worker's first argument. */
export interface WorkerArguments {
  /** Names the worker in its region, the same over restarts. */
  readonly id: string;
  readonly region: string;
  /** Where this worker alone listens; 0 picks a free port. */
  readonly port: number;
  /** A port that the region's workers on this host share. */
  readonly sharedPort?: number;
  readonly host: string;
  /** Where clients reach this worker and no other; see WorkerOptions.url. */
  readonly url?: string;
  readonly store: string;
  /** How long a store that is a server is waited for at the start, ms. */
  readonly storeWaitMs: number;
  /** Of the region; see WorkerOptions. */
  readonly partitions?: number;
  /** Where other workers reach it; see WorkerOptions.mesh. */
  readonly mesh?: string;
  /** TLS between workers on different hosts. */
  readonly meshTls?: MeshTlsFiles;
  /** See WorkerOptions. */
  readonly regionsMesh?: string;
  readonly gossipBytesPerSecond?: number;
  readonly regionPeers?: readonly { readonly region: string; readonly address: string }[];
}

/** The detail of a worker's `ready` message. */
export interface WorkerReady {
  readonly id: string;
  readonly region: string;
  readonly port: number;
  readonly engine: string;
  readonly store: string;
  readonly durability: string;
  readonly epoch: number;
}

const DAMAGED =
  'Nothing was changed. Run `holdfast audit --offline` to see what is whole, and restore a backup if need be.';

/** Failures of a first start that a restart would most likely meet again, by the error's name, and what to do about each. */
const HINTS: Readonly<Record<string, string>> = {
  LaneBusy:
    'Stop the other process; or, if it is a worker of the same grid, give this one another --id; or give this grid a place of its own: --data-dir DIR or --store redis://…',
  LayoutMismatch:
    'Start it as the region was created: its name, and --partitions where it was given; or use another --data-dir.',
  StoreUnavailable:
    'Start the store, with the replicas that its URL asks for, or say where it is with --store; for the embedded one, --data-dir takes a directory that this user may write.',
  StoreMisconfigured: 'Change the setting that is named, then start again.',
  JournalCorrupt: DAMAGED,
  StoreDamaged: DAMAGED,
};

const CODE_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Something listens there already, perhaps another grid: stop it, or choose another with --port N.',
  EACCES: 'This user may not use it: choose another --port or --data-dir, or change the permissions.',
  EROFS: 'The disk is read-only: choose another place with --data-dir.',
  ENOTDIR: 'Choose a directory with --data-dir.',
  EADDRNOTAVAIL: 'The machine has no such address: choose another with --host.',
};

/** The start's failure as a UserError when a restart cannot help, or a person had better look first; undefined when its cause is unknown. */
export function startFailure(error: unknown): UserError | undefined {
  if (error instanceof UserError) return error;
  const name = error instanceof Error ? error.name : '';
  const code = (error as { code?: unknown } | null)?.code;
  const hint = HINTS[name] ?? (typeof code === 'string' ? CODE_HINTS[code] : undefined);
  return hint === undefined ? undefined : new UserError(messageOf(error), hint, EXIT.failed);
}

/** Whether the cause may pass by itself: a grid that has been up goes on trying. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && error.name === 'StoreUnavailable';
}

/** The worker's settings and outcome, as the first lines of `serve` and `start`. */
export function describeStore(store: string): string {
  if (!store.startsWith('redis')) return store;
  try {
    const url = new URL(store);
    url.password = url.password === '' ? '' : '***';
    return url.href;
  } catch {
    return 'redis';
  }
}
