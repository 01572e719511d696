-- Blocks an account for another; an invite from it goes. Follows prelude.lua and logins.lua.
-- KEYS: 1 online 2 blocked:{by} 3 invites:{by} 4 invites-sent:{other} 5 invites-by-time
-- ARGV: 1 by 2 other 3 most accounts that may be blocked
-- Returns: 1, or 0 if too many are blocked.
-- Publishes: to node:{node} invites_changed to both, if there was an invite.
if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 0 then
  if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[3]) then
    -- Whoever is gone needs no block.
    for _, account in ipairs(redis.call('SMEMBERS', KEYS[2])) do
      if redis.call('EXISTS', 'account:' .. account) == 0 then redis.call('SREM', KEYS[2], account) end
    end
    if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 0 end
  end
  redis.call('SADD', KEYS[2], ARGV[2])
  -- A guest's blocks end with it, also where it is never used again; whoever is gone has none for long.
  local ends = redis.call('PEXPIRETIME', 'account:' .. ARGV[1])
  if ends ~= -1 then last(KEYS[2], ends >= 0 and ends or now_ms() + DAY_MS) end
end
if redis.call('HDEL', KEYS[3], ARGV[2]) == 1 then
  redis.call('SREM', KEYS[4], ARGV[1])
  redis.call('ZREM', KEYS[5], ARGV[2] .. ' ' .. ARGV[1])
  tell(KEYS[1], ARGV[1], {kind = 'invites_changed'})
  tell(KEYS[1], ARGV[2], {kind = 'invites_changed'})
end
return 1
