-- The generic cell rate algorithm (GCRA; ITU-T I.371) on one bucket, atomic, on Redis's own clock.
-- KEYS[1] the bucket; ARGV[1] microseconds that one request costs; ARGV[2] requests at once after a pause (the burst).
-- Answers {admitted 0|1, requests left, microseconds until the bucket is whole again, microseconds to wait if refused}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])

-- The theoretical arrival time: when the bucket would be whole again.
local whole_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local after = whole_at + cost
local early = after - now - burst * cost
if early > 0 then
    return {0, 0, whole_at - now, early}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, math.floor(-early / cost), after - now, 0}
