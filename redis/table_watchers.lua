-- Tells how many watch a table on one node.
-- KEYS: 1 lobby-version 2 table:{table} 3 watchers:{table}
-- ARGV: 1 table 2 node 3 count
-- Returns: how many watch on all nodes.
-- Publishes: to lobby watchers.
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if ARGV[3] == '0' then redis.call('HDEL', KEYS[3], ARGV[2]) else redis.call('HSET', KEYS[3], ARGV[2], ARGV[3]) end
local count = 0
for _, here in ipairs(redis.call('HVALS', KEYS[3])) do count = count + tonumber(here) end
redis.call('HSET', KEYS[2], 'watchers', whole(count))
change(KEYS[1], {kind = 'watchers', table = ARGV[1], count = count})
return count
