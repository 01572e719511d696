-- Sets a table's next deadline by who is away: when both are, it is when the game is to be saved; else there is none.
-- KEYS: 1 deadlines 2 table:{table}
-- ARGV: 1 table 2 milliseconds after which a table with nobody connected is saved
-- Returns: the deadline in ms since 1970, or 0 for none.
-- Publishes: nothing.
local away = redis.call('HMGET', KEYS[2], 'away_first', 'away_second')
if not away[1] or not away[2] then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return 0
end
local deadline = math.max(tonumber(away[1]), tonumber(away[2])) + tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], whole(deadline), ARGV[1])
return deadline
