-- Replaces a password, if it is still the one that was checked, and ends all logins but the one that asks.
-- KEYS: 1 account:{id} 2 login:{hash that asks} 3 logins:{id} 4 logins-made:{id}
-- ARGV: 1 id 2 hash of the cookie that asks 3 hash of the old password 4 hash of the new one
-- Returns: 'done' | 'changed' (it has another password) | 'logged_out' (the login that asks has ended)
-- Publishes: to node:{node} logged_out, if the session's login is one that ends.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'logged_out' end
if redis.call('HGET', KEYS[1], 'password') ~= ARGV[3] then return 'changed' end
local made, _, kept, age = made_of(ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'password', ARGV[4])
-- Whatever login is in no list is of an older generation.
redis.call('HINCRBY', KEYS[1], 'generation', 1)
for _, hash in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  if hash ~= ARGV[2] then end_login(ARGV[1], hash) end
end
for _, hash in ipairs(redis.call('HKEYS', KEYS[4])) do
  if hash ~= ARGV[2] then end_login(ARGV[1], hash) end
end
local ends = redis.call('PEXPIRETIME', KEYS[2])
note_login(ARGV[1], ARGV[2], made or now_ms(), kept or 0, age or ' old')
if ends > 0 then
  last(KEYS[3], ends)
  last(KEYS[4], ends)
end
close_ended(ARGV[1])
return 'done'
