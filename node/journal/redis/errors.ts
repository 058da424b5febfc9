// What an error of Redis or of the connection to it means to a caller of the port, in words that say what to do.
import { StoreDamaged, StoreMisconfigured, StoreUnavailable } from '../port.ts';

/** The error reply's first word → what it means. Anything else is passed on as it is. */
const MEANINGS: Readonly<Record<string, string>> = {
  READONLY: 'is a read-only replica; connect to its primary, or promote it (REPLICAOF NO ONE)',
  OOM: 'is out of memory and keeps what it has; raise maxmemory',
  LOADING: 'is loading its data after a start',
  MASTERDOWN: 'is a replica that has lost its primary',
  NOSCRIPT: 'has forgotten the scripts; they are loaded again',
  MISCONF: 'cannot persist, and refuses writes',
  NOREPLICAS: 'lacks replicas, and refuses writes',
  CLUSTERDOWN: 'is a cluster that is down',
  MOVED: 'does not have this lane any more; looking for the node that has it',
  ASK: 'is moving this lane to another node; it goes on once that is done',
  TRYAGAIN: 'is moving this lane to another node; it goes on once that is done',
};

/** A key of ours that is of another kind, or a script that found in it what no script wrote. */
const DAMAGED = /^(WRONGTYPE|ERR (Error running script|user_script))/;

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM)/;

/** What ioredis says itself → what it means. */
const NOISE: readonly [RegExp, string][] = [
  [/^Command timed out|connecting timed out/, 'did not answer in time'],
  [/^Connection is closed|isn't writeable/, 'closed the connection before it answered'],
];

/** After these the connection is given up: a new one may reach another server, or find its scripts again. */
const DROPPING =
  /^(READONLY|LOADING|MASTERDOWN|NOSCRIPT|CLUSTERDOWN|MOVED)|timed out|Connection is closed|isn't writeable|ECONN|EPIPE/;

export function storeError(error: unknown, address: string): StoreUnavailable | StoreMisconfigured | StoreDamaged {
  if (error instanceof StoreUnavailable || error instanceof StoreMisconfigured || error instanceof StoreDamaged)
    return error;
  const text = error instanceof Error ? error.message : String(error);
  if (REFUSED.test(text)) return new StoreMisconfigured(`Redis at ${address} refused our credentials: ${text}`);
  if (DAMAGED.test(text)) {
    const message = `Redis at ${address} has something else where Holdfast keeps its data, or they are damaged`;
    return new StoreDamaged(`${message}: ${text}`, { cause: error });
  }
  const noise = NOISE.find(([pattern]) => pattern.test(text));
  if (noise !== undefined) return new StoreUnavailable(`Redis at ${address} ${noise[1]}`, { cause: error });
  const word = text.slice(0, Math.max(0, text.indexOf(' ')));
  const meaning = Object.hasOwn(MEANINGS, word)
    ? `${MEANINGS[word]} (${text})`
    : `did not answer as it should: ${text}`;
  return new StoreUnavailable(`Redis at ${address} ${meaning}`, { cause: error });
}

export function isDropping(error: unknown): boolean {
  return error instanceof Error && DROPPING.test(error.message);
}
