-- Deletes an account with its logins, invites, saved games and presence, unless it sits at a table. Its name rests for a
-- while: nobody else is taken for it. Follows prelude.lua and saved.lua.
-- KEYS: 1 account:{id} 2 account-name:{folded} 3 logins:{id} 4 blocked:{id} 5 seat:{id} 6 online 7 invites:{id}
--       8 invites-sent:{id} 9 invites-by-time 10 login:{hash that asks} 11 logins-made:{id} 12 saved-by:{id}
--       13 letters:{id}
-- ARGV: 1 id 2 hash of the password that was checked 3 ms that the name rests
-- Returns: 'done' | 'playing' | 'changed' (it has another password) | 'logged_out' (the login that asks has ended)
-- Publishes: to node:{node} logged_out, invites_changed to whom its invites concerned, and games_changed to those with whom
--            it has saved games: nobody goes on with them.
if redis.call('GET', KEYS[10]) ~= ARGV[1] then return 'logged_out' end
local password, played, skeleton = unpack(redis.call('HMGET', KEYS[1], 'password', 'played', 'skeleton'))
if password ~= ARGV[2] then return 'changed' end
if redis.call('EXISTS', KEYS[5]) == 1 then return 'playing' end
for _, from in ipairs(redis.call('HKEYS', KEYS[7])) do
  redis.call('SREM', 'invites-sent:' .. from, ARGV[1])
  redis.call('ZREM', KEYS[9], from .. ' ' .. ARGV[1])
  tell(KEYS[6], from, {kind = 'invites_changed'})
end
for _, to in ipairs(redis.call('SMEMBERS', KEYS[8])) do
  redis.call('HDEL', 'invites:' .. to, ARGV[1])
  redis.call('ZREM', KEYS[9], ARGV[1] .. ' ' .. to)
  tell(KEYS[6], to, {kind = 'invites_changed'})
end
tell(KEYS[6], ARGV[1], {kind = 'logged_out'})
for _, login in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('DEL', 'login:' .. login) end
local others = {}
for _, saved in ipairs(redis.call('ZRANGE', KEYS[12], 0, -1)) do
  for _, player in pairs(players_of(saved) or {}) do others[player] = true end
  drop_saved(ARGV[1], saved)
end
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[7], KEYS[8], KEYS[10], KEYS[11], KEYS[12], KEYS[13])
if played == '0' then
  -- A guest that nobody can have met.
  redis.call('DEL', KEYS[2])
else
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
others[ARGV[1]] = nil
for other in pairs(others) do tell(KEYS[6], other, {kind = 'games_changed'}) end
if skeleton then redis.call('PEXPIRE', 'account-skeleton:' .. skeleton, ARGV[3]) end
return 'done'
