-- Before a commit: delete the value or lease; nothing is cached until the writer is done, or its marker has expired.
-- KEYS[1] the value or a lease; KEYS[2] active writers; ARGV[1] the writer; ARGV[2] its marker's lifetime in milliseconds.
local time = redis.call('TIME')
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
