-- A reader found nothing. Answers the value, if there is one by now; the lease of whoever fills it; or '!' while the thing
-- is being written. Otherwise the caller has the lease, and fills.
-- KEYS[1] the value or a lease; KEYS[2] who writes, by when they are believed dead; ARGV[1] the caller's lease; ARGV[2] for
-- how many milliseconds.
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
