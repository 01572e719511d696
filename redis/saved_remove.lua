-- Takes a saved game out of one player's list; it is gone once neither has it. Follows prelude.lua and saved.lua.
-- KEYS: 1 saved-by:{account} 2 table:{table}
-- ARGV: 1 account 2 table
-- Returns: 1 if it is not in the list any more, 0 if it was not there, -1 if the game is being played.
-- Publishes: nothing.
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
drop_saved(ARGV[1], ARGV[2])
return 1
