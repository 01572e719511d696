-- Which of several cookies counts: of those that are logins the one that was made last, so that whoever logs in is in, whatever
-- others have set beside it.
-- KEYS: login:{hash} of each
-- ARGV: 1 ms that any login lives 2 if not 0, only logins of an older version count, for so many ms after this one first
--       used them 3 … hash of each cookie
-- Returns: the place of the one that counts, from 1; 0 if none does.
-- Publishes: nothing.
local most_ms, old_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local best, latest = 0, -1
for place, key in ipairs(KEYS) do
  local hash = ARGV[place + 2]
  local id = redis.call('GET', key)
  if id and stands(id, hash, most_ms) then
    local made, _, _, age = made_of(id, hash)
    local counts = old_ms == 0 or not made or age == ' old' and made + old_ms > now_ms()
    if counts and (made or 0) > latest then best, latest = place, made or 0 end
  end
end
return best
