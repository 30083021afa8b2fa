-- Somebody is about to commit a change: what is kept goes, leases too, and nothing is kept until they have said how it
-- went, or are believed dead.
-- KEYS[1] the value or a lease; KEYS[2] who writes; ARGV[1] the writer; ARGV[2] for how many milliseconds they may write.
local time = redis.call('TIME')
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
