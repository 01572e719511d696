-- Takes an invite away: declined by its receiver, or withdrawn by its sender.
-- KEYS: 1 online 2 invites:{to} 3 invites-sent:{from} 4 invites-by-time
-- ARGV: 1 from 2 to 3 account to tell 4 notice as JSON
-- Returns: 1, or 0 if there was none.
-- Publishes: to node:{node} invites_changed to both, and the notice.
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[1] .. ' ' .. ARGV[2])
tell(KEYS[1], ARGV[1], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[2], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[3], cjson.decode(ARGV[4]))
return 1
