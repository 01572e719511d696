-- Creates an account under a name that nobody has.
-- KEYS: 1 account-name:{folded} 2 account:{id}
-- ARGV: 1 id 2 name 3 password hash ('' for a guest) 4 guest (0|1) 5 seconds to live (0: for ever)
-- Returns: 1, or 0 if the name is taken.
-- Publishes: nothing.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'name', ARGV[2], 'password', ARGV[3], 'guest', ARGV[4], 'created_ms', whole(now_ms()))
if ARGV[5] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
return 1
