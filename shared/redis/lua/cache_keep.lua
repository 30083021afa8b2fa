-- Store a value that was read, unless a write has removed the reader's lease since.
-- KEYS[1] the value or a lease; ARGV[1] the reader's lease; ARGV[2] the value; ARGV[3] its lifetime in milliseconds.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
