-- Takes players out of the lobby whose given sessions are still their live ones; their seats are kept and marked away.
-- KEYS: 1 online 2 lobby-version 3 deadlines 4 node:{node} of a dead node (only with ARGV 2)
-- ARGV: 1 milliseconds after which a table with nobody connected is saved
--       2 '1' if the node of the sessions is dead: nothing is done if it lives, and what it left half done at a table is
--         looked after at once
--       3, 4 … account and session of each player, 200 at most
-- Returns: how many left, or -1 if the node lives.
-- Publishes: to lobby player_out; to table:{table} presence.
local dead = ARGV[2] == '1'
if dead and redis.call('EXISTS', KEYS[4]) == 1 then return -1 end
local now = now_ms()
local function leave(account, session)
  local live = read(redis.call('HGET', KEYS[1], account))
  if not live or live.session ~= session then return 0 end
  redis.call('HDEL', KEYS[1], account)
  change(KEYS[2], {kind = 'player_out', account = account})
  local seat = redis.call('GET', 'seat:' .. account)
  if not seat or redis.call('EXISTS', 'table:' .. seat) == 0 then return 1 end
  local first = redis.call('HGET', 'table:' .. seat, 'first')
  local mark, other = 'away_first', 'away_second'
  if first ~= account then mark, other = other, mark end
  redis.call('HSET', 'table:' .. seat, mark, whole(now))
  if dead then
    redis.call('ZADD', KEYS[3], whole(now), seat)
  elseif redis.call('HEXISTS', 'table:' .. seat, other) == 1 then
    redis.call('ZADD', KEYS[3], whole(now + tonumber(ARGV[1])), seat)
  end
  redis.call('PUBLISH', 'table:' .. seat, '{"kind":"presence"}')
  return 1
end
local left = 0
for place = 3, #ARGV, 2 do left = left + leave(ARGV[place], ARGV[place + 1]) end
return left
