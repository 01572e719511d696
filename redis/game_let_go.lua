-- Has the stream of a game that was put away end after a while, unless the game goes on: a node that stood still may be late.
-- KEYS: 1 game:{table}
-- ARGV: 1 number of records at the tip the game was put away with 2 its hash 3 seconds until it is dropped
-- Returns: 1, or 0 if the stream has another tip.
-- Publishes: nothing.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last or tonumber(string.match(last[1], '^%d+')) + 1 ~= tonumber(ARGV[1]) then return 0 end
for i = 1, #last[2], 2 do
  if last[2][i] == 'hash' and last[2][i + 1] ~= ARGV[2] then return 0 end
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
