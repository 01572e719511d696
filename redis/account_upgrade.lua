-- Makes a guest an account with a name and a password; its id and games stay.
-- KEYS: 1 account-name:{new folded} 2 account:{id} 3 account-name:{old folded} 4 online
-- ARGV: 1 id 2 name 3 password hash
-- Returns: 'done' | 'taken' | 'not_guest'
-- Publishes: to node:{node} changed.
if redis.call('HGET', KEYS[2], 'guest') ~= '1' then return 'not_guest' end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 'taken' end
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'name', ARGV[2], 'password', ARGV[3], 'guest', '0')
redis.call('PERSIST', KEYS[2])
tell(KEYS[4], ARGV[1], {kind = 'changed'})
return 'done'
