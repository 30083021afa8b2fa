-- After a commit or rollback: remove the writer's marker, and delete what was cached meanwhile.
-- KEYS[1] the value or a lease; KEYS[2] active writers; ARGV[1] the writer.
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
