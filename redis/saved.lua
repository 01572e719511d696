-- Shared by the scripts that put saved games into lists and take them out; follows prelude.lua.
-- Whether a table is there, and the one that was made then, as its hash says ('' where that says nothing): a saved game is
-- resumed under the same id.
local function is_made(table, made)
  return redis.call('EXISTS', table) == 1 and (redis.call('HGET', table, 'made_ms') or '') == made
end
-- Who plays a game, as its row or the whole game says; nothing where neither can be understood.
local function players_of(saved)
  for _, key in ipairs({'saved-row:' .. saved, 'saved:' .. saved}) do
    local game = read(redis.call('GET', key))
    if game and type(game.accounts) == 'table' then return game.accounts end
  end
end
-- Takes a saved game out of one player's list; it is gone once neither has it.
local function drop_saved(id, saved)
  redis.call('ZREM', 'saved-by:' .. id, saved)
  local players = players_of(saved)
  if not players then return end
  for _, player in pairs(players) do
    if redis.call('ZSCORE', 'saved-by:' .. player, saved) then return end
  end
  redis.call('DEL', 'saved:' .. saved, 'saved-row:' .. saved)
end
