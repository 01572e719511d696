-- Puts the packed form of a finished game in the place of its text, if that is still what was packed.
-- KEYS: 1 archive:{table}
-- ARGV: 1 the text, then the names and values of the packed form
-- Returns: 1, or 0 if something else is there.
-- Publishes: nothing.
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local left_ms = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if left_ms > 0 then redis.call('PEXPIRE', KEYS[1], left_ms) end
return 1
