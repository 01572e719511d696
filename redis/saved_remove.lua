-- Takes a saved game out of one player's list; it is gone once neither has it.
-- KEYS: 1 saved-by:{account} 2 saved-by:{account} of the other 3 saved:{table} 4 saved-row:{table} 5 table:{table}
-- ARGV: 1 table
-- Returns: 1 if it is not in the list any more, 0 if it was not there, -1 if the game is being played.
-- Publishes: nothing.
if redis.call('EXISTS', KEYS[5]) == 1 then return -1 end
local removed = redis.call('ZREM', KEYS[1], ARGV[1])
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then redis.call('DEL', KEYS[3], KEYS[4]) end
return removed
