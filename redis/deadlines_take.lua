-- Gives tables whose deadline has come, each to one node: the deadline is put off, so that another node takes it only if
-- this one does nothing about it.
-- KEYS: 1 deadlines
-- ARGV: 1 milliseconds to put off by 2 most tables at once
-- Returns: their ids.
-- Publishes: nothing.
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'LIMIT', 0, ARGV[2])
local taken = {}
for _, table_id in ipairs(due) do
  if redis.call('EXISTS', 'table:' .. table_id) == 1 then
    redis.call('ZADD', KEYS[1], whole(now + tonumber(ARGV[1])), table_id)
    taken[#taken + 1] = table_id
  else
    redis.call('ZREM', KEYS[1], table_id)
  end
end
return taken
