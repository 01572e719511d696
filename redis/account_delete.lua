-- Deletes an account with its logins, invites and presence, unless it sits at a table.
-- KEYS: 1 account:{id} 2 account-name:{folded} 3 logins:{id} 4 blocked:{id} 5 seat:{id} 6 online 7 invites:{id}
--       8 invites-sent:{id} 9 invites-by-time
-- ARGV: 1 id
-- Returns: 1, or 0 if it sits at a table.
-- Publishes: to node:{node} logged_out, and invites_changed to whom its invites concerned.
if redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
for _, login in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('DEL', 'login:' .. login) end
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
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[7], KEYS[8])
return 1
