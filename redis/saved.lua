-- Shared by the scripts that take saved games out of lists.
-- Who plays a game, as its row or the whole game says; nothing where neither can be understood.
local function players_of(saved)
  for _, key in ipairs({'saved-row:' .. saved, 'saved:' .. saved}) do
    local text = redis.call('GET', key)
    local is_read, game = pcall(cjson.decode, text or '')
    if is_read and type(game) == 'table' and type(game.accounts) == 'table' then return game.accounts end
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
