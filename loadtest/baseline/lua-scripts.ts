// The Lua side of the baseline. Written to be fast, by measurement (README, "The baseline"): strings beat hashes, one
// record serves as reservation and as idempotency key, DECRBY-and-undo beats GET-then-SET, and three writes a reserve
// are the fewest that keep stock, reservation and expiry. The expiry index's name is written in the scripts instead of
// being passed: one argument less; this server is not a cluster.

const EXPIRY_INDEX = 'expiry';

/** A reserve on the locals stock, record, qty and expiresAt. */
const RESERVE_BODY = `
local prior = call('GET', record)
if prior then return prior end
local left = call('DECRBY', stock, qty)
if left < 0 then
  call('INCRBY', stock, qty)
  return left
end
call('SET', record, 'R|' .. qty .. '|' .. expiresAt .. '|' .. left .. '|' .. stock)
call('ZADD', '${EXPIRY_INDEX}', expiresAt, record)
return left
`;

/** Returns units left (negative: refused, and by how much), or the record when the request id was seen before. */
export const RESERVE = `
local call = redis.call
local stock, record, qty, expiresAt = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
${RESERVE_BODY}`;

/** Many reserves in one call: KEYS stock and record of each, ARGV qty and expiresAt of each. Returns a list. */
export const RESERVE_BATCH = `
local call = redis.call
local function reserve(stock, record, qty, expiresAt)
${RESERVE_BODY}
end
local out = {}
for i = 1, #KEYS, 2 do
  out[#out + 1] = reserve(KEYS[i], KEYS[i + 1], ARGV[i], ARGV[i + 1])
end
return out`;

/** Gives the units of reservations due at ARGV[1] back, up to ARGV[2] of them; keeps their records ARGV[3] ms more. */
export const EXPIRE = `
local due = redis.call('ZRANGEBYSCORE', '${EXPIRY_INDEX}', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, record in ipairs(due) do
  local value = redis.call('GET', record)
  local qty, stock = string.match(value, '^R|(%d+)|%d+|%d+|(.*)$')
  redis.call('INCRBY', stock, qty)
  redis.call('SET', record, 'E' .. string.sub(value, 2), 'PX', ARGV[3])
  redis.call('ZREM', '${EXPIRY_INDEX}', record)
end
return #due`;
