-- Makes a guest an account with a name and a password; its id and games stay. Its login is replaced, and the guest's name
-- goes on meaning it for a while.
-- KEYS: 1 account-name:{new folded} 2 account:{id} 3 account-name:{old folded} 4 account-skeleton:{skeleton}
--       5 login:{hash that asks} 6 login:{new hash} 7 logins:{id} 8 invites:{id} 9 invites-sent:{id}
-- ARGV: 1 id 2 name 3 hash of the password 4 skeleton 5 new hash 6 ms that the old name rests
--       7 ms that an unused login lives 8 ms that any login lives
-- Returns: 'done' | 'taken' | 'alike' | 'not_guest' | 'logged_out' (the login that asks has ended)
-- Publishes: to node:{node} invites_changed to whom its invites concern. That the session has to show its cookie again is
--            told when the browser has the new one.
if redis.call('GET', KEYS[5]) ~= ARGV[1] then return 'logged_out' end
if redis.call('HGET', KEYS[2], 'guest') ~= '1' then return 'not_guest' end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 'taken' end
if is_alike(KEYS[4], ARGV[1]) then return 'alike' end
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[2], 'name', ARGV[2], 'password', ARGV[3], 'guest', '0', 'skeleton', ARGV[4])
redis.call('HDEL', KEYS[2], 'played')
redis.call('HINCRBY', KEYS[2], 'generation', 1)
for _, hash in ipairs(redis.call('SMEMBERS', KEYS[7])) do end_login(ARGV[1], hash) end
redis.call('DEL', KEYS[5])
make_login(ARGV[1], ARGV[5], tonumber(ARGV[7]), tonumber(ARGV[8]), 0)

local function rename(to, from, field)
  local invite = read(redis.call('HGET', 'invites:' .. to, from))
  if not invite then return end
  invite[field] = ARGV[2]
  redis.call('HSET', 'invites:' .. to, from, cjson.encode(invite))
  tell('online', to, {kind = 'invites_changed'})
  tell('online', from, {kind = 'invites_changed'})
end
for _, from in ipairs(redis.call('HKEYS', KEYS[8])) do rename(ARGV[1], from, 'to_name') end
for _, to in ipairs(redis.call('SMEMBERS', KEYS[9])) do rename(to, ARGV[1], 'from_name') end
return 'done'
