-- Takes a table out of the lobby and frees its seats, once its game is in the archive or among the saved games.
-- KEYS: 1 online 2 lobby-version 3 tables 4 table:{table} 5 watchers:{table} 6 deadlines
-- ARGV: 1 table 2 when the table was made, as its hash says ('' where that says nothing)
-- Returns: 1, or 0 if it was closed already, or made again since: a saved game is resumed under the same id.
-- Publishes: to lobby table_out; to node:{node} games_changed to both players.
local seats = redis.call('HMGET', KEYS[4], 'first', 'second', 'made_ms')
local made = table.remove(seats) or ''
if not seats[1] then
  redis.call('SREM', KEYS[3], ARGV[1])
  redis.call('ZREM', KEYS[6], ARGV[1])
  return 0
end
if made ~= ARGV[2] then return 0 end
for _, account in ipairs(seats) do
  if redis.call('GET', 'seat:' .. account) == ARGV[1] then redis.call('DEL', 'seat:' .. account) end
end
redis.call('DEL', KEYS[4], KEYS[5])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
change(KEYS[2], {kind = 'table_out', table = ARGV[1]})
for _, account in ipairs(seats) do tell(KEYS[1], account, {kind = 'games_changed'}) end
return 1
