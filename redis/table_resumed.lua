-- Forgets the saved game that goes on at a table: the end of its resumption. Follows prelude.lua and saved.lua.
-- KEYS: 1 table:{table} 2 saved:{table} 3 saved-row:{table} 4, 5 saved-by:{account} of both seats
-- ARGV: 1 table 2 when the table was made, as its hash says ('' where that says nothing)
-- Returns: 1, or 0 if the table was closed, or made again since: the game was saved again, and is kept. May be repeated.
-- Publishes: nothing.
if not is_made(KEYS[1], ARGV[2]) then return 0 end
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('HSET', KEYS[1], 'resume', '0')
return 1
