-- A change is committed, or was undone: what was kept meanwhile goes.
-- KEYS[1] the value or a lease; KEYS[2] who writes; ARGV[1] the writer.
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
