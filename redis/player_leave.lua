-- Takes a player out of the lobby if this session is still its live one; its seat is kept and marked away.
-- KEYS: 1 online 2 lobby-version 3 seat:{account} 4 deadlines
-- ARGV: 1 account 2 session 3 milliseconds after which a table with nobody connected is saved
--       4 '1' if the node of the session is dead: what it left half done at the table is looked after at once
-- Returns: 1, or 0 if another session is the live one.
-- Publishes: to lobby player_out; to table:{table} presence.
local live = redis.call('HGET', KEYS[1], ARGV[1])
if not live or cjson.decode(live).session ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
change(KEYS[2], {kind = 'player_out', account = ARGV[1]})
local seat = redis.call('GET', KEYS[3])
if not seat or redis.call('EXISTS', 'table:' .. seat) == 0 then return 1 end
local first = redis.call('HGET', 'table:' .. seat, 'first')
local mark, other = 'away_first', 'away_second'
if first ~= ARGV[1] then mark, other = other, mark end
local now = now_ms()
redis.call('HSET', 'table:' .. seat, mark, whole(now))
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[4], whole(now), seat)
elseif redis.call('HEXISTS', 'table:' .. seat, other) == 1 then
  redis.call('ZADD', KEYS[4], whole(now + tonumber(ARGV[3])), seat)
end
redis.call('PUBLISH', 'table:' .. seat, '{"kind":"presence"}')
return 1
