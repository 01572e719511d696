-- Creates an account under a name that nobody has, and that looks like nobody else's.
-- KEYS: 1 account-name:{folded} 2 account:{id} 3 account-skeleton:{skeleton} (none for a guest)
-- ARGV: 1 id 2 name 3 hash of the password ('' for a guest) 4 guest (0|1) 5 ms to live (0: for ever) 6 skeleton
-- Returns: 'done' | 'taken' | 'alike'
-- Publishes: nothing.
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
if KEYS[3] and is_alike(KEYS[3], ARGV[1]) then return 'alike' end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'name', ARGV[2], 'password', ARGV[3], 'guest', ARGV[4], 'created_ms', whole(now_ms()))
if KEYS[3] then
  redis.call('SET', KEYS[3], ARGV[1])
  redis.call('HSET', KEYS[2], 'skeleton', ARGV[6])
end
if ARGV[5] ~= '0' then
  redis.call('HSET', KEYS[2], 'played', '0')
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return 'done'
