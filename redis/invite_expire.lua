-- Takes away the invites that have lapsed, a hundred at a time.
-- KEYS: 1 online 2 invites-by-time
-- ARGV: none
-- Returns: how many.
-- Publishes: to node:{node} invites_changed to both, and to the sender the notice invite_expired.
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', whole(now_ms()), 'LIMIT', 0, 100)
for _, pair in ipairs(due) do
  local from, to = string.match(pair, '^(%S+) (%S+)$')
  local text = redis.call('HGET', 'invites:' .. to, from)
  redis.call('HDEL', 'invites:' .. to, from)
  redis.call('SREM', 'invites-sent:' .. from, to)
  redis.call('ZREM', KEYS[2], pair)
  tell(KEYS[1], from, {kind = 'invites_changed'})
  tell(KEYS[1], to, {kind = 'invites_changed'})
  local name = (read(text) or {}).to_name
  if name then
    tell(KEYS[1], from, {kind = 'notice', code = 'invite_expired', name = name,
      words = 'Your invite to ' .. name .. ' has lapsed.'})
  end
end
return #due
