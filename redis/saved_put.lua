-- Keeps a stopped game and lists it for both players: as long as the longer-lived of two guests, or for a year. Follows
-- prelude.lua, logins.lua and saved.lua.
-- KEYS: 1 saved:{table} 2 saved-row:{table} 3 table:{table}
-- ARGV: 1 table 2 when it was stopped, ms 3 the game as JSON 4 its row ('' for none) 5 most games in a list
--       6, 7 accounts of both seats 8 when the table was made, as its hash says ('' where that says nothing)
-- Returns: 1, or 0 if the table was closed already, or made again since: a node that is late puts nothing away. May be
--          repeated.
-- Publishes: nothing.
if not is_made(KEYS[3], ARGV[8]) then return 0 end
local ends, lists = 0, {}
for i = 6, 7 do
  local account, list = 'account:' .. ARGV[i], 'saved-by:' .. ARGV[i]
  local lasts = redis.call('PEXPIRETIME', account)
  -- Whoever is gone has no list, and nobody else goes on with the game.
  if lasts ~= -2 then
    redis.call('ZADD', list, ARGV[2], ARGV[1])
    if lasts >= 0 then last(list, lasts) else redis.call('PERSIST', list) end
    lists[#lists + 1] = ARGV[i]
  end
  ends = math.max(ends, lasts == -1 and now_ms() + YEAR_MS or lasts)
end
-- Where both are gone it waits a day, for whoever still holds it.
if ends <= now_ms() then ends = now_ms() + DAY_MS end
redis.call('SET', KEYS[1], ARGV[3], 'PXAT', whole(ends))
if ARGV[4] ~= '' then redis.call('SET', KEYS[2], ARGV[4], 'PXAT', whole(ends)) end
for _, account in ipairs(lists) do
  for _, oldest in ipairs(redis.call('ZRANGE', 'saved-by:' .. account, 0, -1 - tonumber(ARGV[5]))) do
    drop_saved(account, oldest)
  end
end
return 1
