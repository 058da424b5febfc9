// The Lua that runs inside Redis, one script per write of the journal port. Each names its keys, arguments and results.
// A script runs alone and its effects reach the append-only file as one transaction; replies wait for the fsync.
import { createHash } from 'node:crypto';

export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * The first lines of every write of an owner. The connection number rises each time the owner connects anew: what an
 * older connection had sent and the server reads late must not overwrite what a newer one wrote since.
 *   KEYS[1] own · ARGV[1] epoch · ARGV[2] nonce · ARGV[3] connection
 *   → FENCED another owner · STALE an older connection of this owner
 */
const FENCE = `
local own = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'connection', 'lastSeq')
if own[1] ~= ARGV[1] or own[2] ~= ARGV[2] then return 'FENCED' end
if own[3] ~= ARGV[3] then return 'STALE' end
`;

/**
 * Takes the lane over and creates the region on first use. When the server is another than the one its owner was last
 * seen on, the owner may be alive though its session is gone, lost in the fail-over or run out during it: the first who
 * claims the lane then begins that session again, once, and waits it out like everybody.
 *   KEYS[1] own · KEYS[2] session · KEYS[3] journal
 *   ARGV[1] region · [2] partitions · [3] hash · [4] ownerId · [5] nonce · [6] greatest epoch seen
 *   [7] session TTL, ms · [8] the new session's value · [9] the value of a session known to be dead, or ''
 *   [10] the server's run id
 *   → {'OK', epoch, lastSeq, connection}
 *   → {'LAYOUT', partitions, hash} the region has another layout
 *   → {'BUSY', ownerId, session value, its TTL left in ms}
 *   → {'REMAINS'} there is a journal, and nothing that says whose
 */
export const ACQUIRE = script(`
local own = redis.call('HMGET', KEYS[1], 'partitions', 'hash', 'epoch', 'lastSeq', 'ownerId', 'connection',
  'runId', 'session', 'ttlMs')
if own[1] and (own[1] ~= ARGV[2] or own[2] ~= ARGV[3]) then return {'LAYOUT', own[1], own[2]} end
if not own[3] and redis.call('EXISTS', KEYS[3]) == 1 then return {'REMAINS'} end
local session = redis.call('GET', KEYS[2])
if not session and own[7] and own[7] ~= ARGV[10] and own[5] ~= ARGV[4] and own[8] ~= ARGV[9] then
  session = own[8]
  redis.call('SET', KEYS[2], session, 'PX', own[9])
  redis.call('HSET', KEYS[1], 'runId', ARGV[10])
end
if session and session ~= ARGV[9] and own[5] ~= ARGV[4] then
  return {'BUSY', own[5] or '', session, redis.call('PTTL', KEYS[2])}
end
local epoch = string.format('%.0f', math.max(tonumber(own[3] or '0'), tonumber(ARGV[6])) + 1)
local connection = string.format('%.0f', tonumber(own[6] or '0') + 1)
local lastSeq = own[4] or '0'
redis.call('HSET', KEYS[1], 'region', ARGV[1], 'partitions', ARGV[2], 'hash', ARGV[3], 'epoch', epoch,
  'nonce', ARGV[5], 'ownerId', ARGV[4], 'lastSeq', lastSeq, 'connection', connection,
  'runId', ARGV[10], 'session', ARGV[8], 'ttlMs', ARGV[7])
redis.call('SET', KEYS[2], ARGV[8], 'PX', ARGV[7])
return {'OK', epoch, lastSeq, connection}
`);

/**
 * Gives a new connection of the owner its number; a sign of life, and a write, so that a WAIT behind it covers all that
 * came before.
 *   KEYS[1] own · KEYS[2] session
 *   ARGV[1] epoch · [2] nonce · [3] session TTL, ms · [4] the session's value · [5] the server's run id
 *   → the number · FENCED
 */
export const ATTACH = script(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if own[1] ~= ARGV[1] or own[2] ~= ARGV[2] then return 'FENCED' end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
redis.call('HSET', KEYS[1], 'runId', ARGV[5])
return tostring(redis.call('HINCRBY', KEYS[1], 'connection', 1))
`);

/**
 * Makes a lane its owner's again that a fail-over gave back to an earlier epoch, and tells where it ends. Nothing is
 * changed if a later epoch owns it, or if it ends before what the owner can append again.
 *   KEYS[1] own · KEYS[2] session · KEYS[3] journal
 *   ARGV[1] epoch · [2] nonce · [3] session TTL, ms · [4] the session's value · [5] the server's run id
 *   [6] region · [7] partitions · [8] hash · [9] ownerId · [10] the owner has all batches behind this seq
 *   → {'OK', lastSeq, connection, the last batch's bytes or ''}
 *   → {'FENCED'} by another owner · {'GAP'} the lane ends too early
 */
export const REASSERT = script(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'lastSeq')
local stored, mine = tonumber(own[1] or '0'), tonumber(ARGV[1])
if stored > mine or (stored == mine and own[2] ~= ARGV[2]) then return {'FENCED'} end
local lastSeq = own[3] or '0'
if tonumber(lastSeq) < tonumber(ARGV[10]) then return {'GAP'} end
redis.call('HSET', KEYS[1], 'region', ARGV[6], 'partitions', ARGV[7], 'hash', ARGV[8], 'epoch', ARGV[1],
  'nonce', ARGV[2], 'ownerId', ARGV[9], 'lastSeq', lastSeq, 'runId', ARGV[5], 'session', ARGV[4], 'ttlMs', ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
local connection = tostring(redis.call('HINCRBY', KEYS[1], 'connection', 1))
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
return {'OK', lastSeq, connection, last[1] and last[1][2][2] or ''}
`);

/**
 * Appends one batch.
 *   KEYS[1] own · KEYS[2] journal
 *   ARGV[1–3] as FENCE · [4] firstSeq · [5] lastSeq · [6] the bytes
 *   → OK it is there, now or since an earlier call · GAP the lane does not end at firstSeq − 1 · FENCED · STALE
 */
export const APPEND = script(`${FENCE}
if tonumber(own[4]) + 1 == tonumber(ARGV[4]) then
  redis.call('XADD', KEYS[2], ARGV[5] .. '-0', 'b', ARGV[6])
  redis.call('HSET', KEYS[1], 'lastSeq', ARGV[5])
  return 'OK'
end
local landed = redis.call('XRANGE', KEYS[2], ARGV[5], ARGV[5])
if landed[1] and landed[1][2][2] == ARGV[6] then return 'OK' end
return 'GAP'
`);

/**
 * Writes rows of one snapshot slot.
 *   KEYS[1] own · KEYS[2…] the hash of a partition each
 *   ARGV[1–3] as FENCE · then for each of KEYS[2…]: how many rows, and for each row its sku and bytes
 *   → OK · FENCED · STALE
 */
export const PUT_ROWS = script(`${FENCE}
local at = 4
for k = 2, #KEYS do
  local count = tonumber(ARGV[at])
  redis.call('HSET', KEYS[k], unpack(ARGV, at + 1, at + 2 * count))
  at = at + 1 + 2 * count
end
return 'OK'
`);

/**
 * Publishes a snapshot.
 *   KEYS[1] own · KEYS[2] snapshots · ARGV[1–3] as FENCE · [4] slot · [5] manifest as JSON
 *   → OK · FENCED · STALE
 */
export const PUBLISH = script(`${FENCE}
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
return 'OK'
`);

/**
 * Forgets the batches that end before a seq.
 *   KEYS[1] own · KEYS[2] journal · ARGV[1–3] as FENCE · [4] the first lastSeq to keep
 *   → OK · FENCED · STALE
 */
export const TRIM = script(`${FENCE}
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[4])
return 'OK'
`);

/**
 * Forgets the rows of a partition. UNLINK takes the keys out at once and frees them in the background, so that many rows
 * hold nobody up.
 *   KEYS[1] own · KEYS[2…] the partition's hashes · ARGV[1–3] as FENCE
 *   → OK · FENCED · STALE
 */
export const FORGET_ROWS = script(`${FENCE}
redis.call('UNLINK', unpack(KEYS, 2))
return 'OK'
`);

/**
 * Extends the session, or begins it again when it expired and nobody took over. PEXPIRE first: it is allowed when the
 * server is out of memory, so that a full store does not cost the ownership too.
 *   KEYS[1] own · KEYS[2] session · ARGV[1] epoch · [2] nonce · [3] TTL, ms · [4] the session's value
 *   → 1 · 0 another owner
 */
export const RENEW = script(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if own[1] ~= ARGV[1] or own[2] ~= ARGV[2] then return 0 end
if redis.call('PEXPIRE', KEYS[2], ARGV[3]) == 0 then redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3]) end
return 1
`);

/**
 * Ends the session.
 *   KEYS[1] own · KEYS[2] session · ARGV[1] epoch · [2] nonce
 *   → 1 · 0 another owner
 */
export const RELEASE = script(`
local own = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if own[1] ~= ARGV[1] or own[2] ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], 'runId')
return 1
`);

/**
 * Fixes the layout of the region for all its lanes, unless it is fixed already.
 *   KEYS[1] the region's layout · ARGV[1] partitions · [2] hash
 *   → {partitions, hash} as they are now
 */
export const FIX_LAYOUT = script(`
if redis.call('HSETNX', KEYS[1], 'partitions', ARGV[1]) == 1 then redis.call('HSET', KEYS[1], 'hash', ARGV[2]) end
return redis.call('HMGET', KEYS[1], 'partitions', 'hash')
`);

/**
 * Writes the region's register.
 *   KEYS[1] register · ARGV[1] the version expected · [2] the next version · [3] the value
 *   → 1 · 0 another version is there
 */
export const WRITE_REGISTER = script(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'value', ARGV[3])
return 1
`);

export const ALL_SCRIPTS: readonly Script[] = [
  ACQUIRE,
  ATTACH,
  REASSERT,
  APPEND,
  PUT_ROWS,
  PUBLISH,
  TRIM,
  FORGET_ROWS,
  RENEW,
  RELEASE,
  FIX_LAYOUT,
  WRITE_REGISTER,
];
