-- Notes the skeleton of an account that an older version made, so that no new name looks like its own.
-- KEYS: 1 account:{id} 2 account-skeleton:{skeleton}
-- ARGV: 1 id 2 skeleton
-- Returns: 1, or 0 if the account is gone, or a guest.
-- Publishes: nothing.
if redis.call('HGET', KEYS[1], 'guest') ~= '0' then return 0 end
redis.call('HSET', KEYS[1], 'skeleton', ARGV[2])
-- Two accounts of that time may look alike: the first one that comes stands for both.
redis.call('SET', KEYS[2], ARGV[1], 'NX')
return 1
