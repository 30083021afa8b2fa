-- Begin to fill after a miss. Returns the value, if there is one by now; another reader's lease; or '!' while a write is
-- in progress. Otherwise the caller gets the lease, and fills the value.
-- KEYS[1] the value or a lease; KEYS[2] active writers, scored by expiry; ARGV[1] the caller's lease; ARGV[2] its lifetime
-- in milliseconds.
local found = redis.call('GET', KEYS[1])
if found then
    return found
end
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
if redis.call('ZCARD', KEYS[2]) > 0 then
    return '!'
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
