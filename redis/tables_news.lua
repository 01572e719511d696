-- Brings the rows of tables that moved on up to date in the lobby, all in one change.
-- KEYS: 1 lobby-version, then table:{table} of each
-- ARGV: for each table: its id, number of records, owners of the flags
-- Returns: how many of the tables are live and not known to be further already: two nodes tell of one table in any order.
-- Publishes: to lobby tables_news.
local rows = {}
for i = 2, #KEYS do
  local at = (i - 2) * 3
  local known = redis.call('HGET', KEYS[i], 'number')
  if known and tonumber(known) <= tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[i], 'number', ARGV[at + 2], 'flags', ARGV[at + 3])
    rows[#rows + 1] = {table = ARGV[at + 1], number = tonumber(ARGV[at + 2]), flags = ARGV[at + 3]}
  end
end
if #rows > 0 then change(KEYS[1], {kind = 'tables_news', rows = rows}) end
return #rows
