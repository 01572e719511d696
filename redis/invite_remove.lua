-- Takes an invite away: declined by its receiver, or withdrawn by its sender.
-- KEYS: 1 online 2 invites:{to} 3 invites-sent:{from} 4 invites-by-time 5 words:{who asks}:{request}
-- ARGV: 1 from 2 to 3 account to tell 4 notice as JSON 5 id of the invite meant ('' for any)
--       6 seconds for which the request may be repeated
-- Returns: 'removed' (also to a repeated request) | 'none' | 'changed' (another one stands)
-- Publishes: to node:{node} invites_changed to both, and the notice.
if redis.call('EXISTS', KEYS[5]) == 1 then return 'removed' end
local text = redis.call('HGET', KEYS[2], ARGV[1])
if not text then return 'none' end
if ARGV[5] ~= '' and (read(text) or {}).id ~= ARGV[5] then return 'changed' end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[1] .. ' ' .. ARGV[2])
redis.call('SET', KEYS[5], 'removed', 'EX', ARGV[6])
tell(KEYS[1], ARGV[1], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[2], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[3], cjson.decode(ARGV[4]))
return 'removed'
