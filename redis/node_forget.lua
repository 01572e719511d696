-- Takes a dead node out of those that should live, once all that it left behind is gone.
-- KEYS: 1 node:{dead node} 2 nodes 3 reaper:{dead node}
-- ARGV: 1 the dead node
-- Returns: 1, or 0 if it lives.
-- Publishes: nothing.
redis.call('DEL', KEYS[3])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SREM', KEYS[2], ARGV[1])
return 1
