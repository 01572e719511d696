-- Lets one node at a time clean up after a dead one; a claim that is not renewed lapses, since that node may die, too.
-- KEYS: 1 node:{dead node} 2 reaper:{dead node}
-- ARGV: 1 the node that claims 2 milliseconds the claim stands
-- Returns: 1, or 0 if the node lives or another one is at it.
-- Publishes: nothing.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local other = redis.call('GET', KEYS[2])
if other and other ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
