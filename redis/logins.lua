-- Shared by the scripts that change accounts and logins; follows prelude.lua.
-- Whether somebody else has a name with this skeleton, or had one that still rests.
local function is_alike(key, id)
  local holder = redis.call('GET', key)
  if not holder or holder == id then return false end
  -- Older versions delete an account and leave its skeleton.
  return redis.call('EXISTS', 'account:' .. holder) == 1 or redis.call('PTTL', key) >= 0
end
local DAY_MS = 86400000
-- A saved game waits so long to be resumed.
local YEAR_MS = 365 * DAY_MS
-- When a login was made, ms, the generation of its account's password then, until when the browser keeps the cookie, and
-- ' old' if an older version made it, in which case it was made at its first use by this one; nothing before that.
local function made_of(id, hash)
  local text = redis.call('HGET', 'logins-made:' .. id, hash)
  if not text then return nil end
  local made, generation, kept, age = string.match(text, '^(%d+) (%d+) ?(%d*)( ?%a*)$')
  return tonumber(made), generation, tonumber(kept) or 0, age
end
local function note_login(id, hash, made, kept, age)
  local generation = redis.call('HGET', 'account:' .. id, 'generation') or '0'
  redis.call('SADD', 'logins:' .. id, hash)
  redis.call('HSET', 'logins-made:' .. id, hash, whole(made) .. ' ' .. generation .. ' ' .. whole(kept) .. age)
end
-- Whether a login counts: its account is there, has had no other password since, and not too much time has passed.
local function stands(id, hash, most_ms)
  if redis.call('EXISTS', 'account:' .. id) == 0 then return false end
  local generation = redis.call('HGET', 'account:' .. id, 'generation') or '0'
  local made, made_in = made_of(id, hash)
  -- An older version made it.
  if not made then return generation == '0' or redis.call('SISMEMBER', 'logins:' .. id, hash) == 1 end
  return made_in == generation and
    (redis.call('HGET', 'account:' .. id, 'guest') == '1' or made + most_ms > now_ms())
end
local function end_login(id, hash)
  redis.call('DEL', 'login:' .. hash)
  redis.call('SREM', 'logins:' .. id, hash)
  redis.call('HDEL', 'logins-made:' .. id, hash)
end
-- Sends the account's session away whose login has ended; one of an older version does not tell its login, and has to show
-- its cookie once more.
local function close_ended(id)
  local live = read(redis.call('HGET', 'online', id))
  if not live then return end
  local login = live.login
  if not login then
    tell('online', id, {kind = 'changed'})
  elseif redis.call('EXISTS', 'login:' .. login) == 0 then
    tell('online', id, {kind = 'logged_out'})
  end
end
-- Has a key last at least until a time.
local function last(key, until_ms)
  local ends = redis.call('PEXPIRETIME', key)
  if ends == -1 or (ends >= 0 and ends < until_ms) then redis.call('PEXPIREAT', key, whole(until_ms)) end
end
-- Has an account's saved games last until a time, though no longer than a year.
local function keep_saved(id, until_ms)
  local listed = redis.call('ZRANGE', 'saved-by:' .. id, 0, -1, 'WITHSCORES')
  for i = 1, #listed, 2 do
    local ends = math.min(until_ms, tonumber(listed[i + 1]) + YEAR_MS)
    last('saved:' .. listed[i], ends)
    last('saved-row:' .. listed[i], ends)
  end
end
-- Has a guest, its name, its logins, its lists and its saved games last until a time.
local function keep_guest(id, until_ms)
  local account = 'account:' .. id
  last(account, until_ms)
  last('account-name:' .. string.lower(redis.call('HGET', account, 'name')), until_ms)
  last('logins:' .. id, until_ms)
  last('logins-made:' .. id, until_ms)
  last('blocked:' .. id, until_ms)
  last('saved-by:' .. id, until_ms)
  keep_saved(id, until_ms)
  for _, hash in ipairs(redis.call('SMEMBERS', 'logins:' .. id)) do last('login:' .. hash, until_ms) end
end
-- Notes that a guest plays: it is kept for longer.
local function note_played(id, lives_ms)
  if redis.call('HGET', 'account:' .. id, 'played') ~= '0' then return end
  redis.call('HSET', 'account:' .. id, 'played', '1')
  keep_guest(id, now_ms() + lives_ms)
end
-- Has a used login last, with all that belongs to it; that is written down once a day of use at most. Returns its end, ms.
local function keep_login(id, hash, made, lives_ms, most_ms, unplayed_ms)
  local now, account = now_ms(), 'account:' .. id
  local guest, played = unpack(redis.call('HMGET', account, 'guest', 'played'))
  local wanted = now + lives_ms
  if guest == '1' then
    -- A guest cannot log in again: its login lasts as long as it does.
    if played == '0' then wanted = now + unplayed_ms end
  else
    wanted = math.min(wanted, made + most_ms)
    -- Older versions could give an account the end of the guest that it had been.
    redis.call('PERSIST', account)
    redis.call('PERSIST', 'blocked:' .. id)
    if redis.call('PERSIST', 'saved-by:' .. id) == 1 then keep_saved(id, now + YEAR_MS) end
  end
  local ends = redis.call('PEXPIRETIME', 'login:' .. hash)
  if ends < 0 or wanted - ends > math.min(DAY_MS, (wanted - now) / 2) then
    ends = wanted
    redis.call('PEXPIREAT', 'login:' .. hash, whole(ends))
  end
  if guest == '1' then
    keep_guest(id, ends)
  else
    last('logins:' .. id, ends)
    last('logins-made:' .. id, ends)
  end
  return ends
end
-- Makes a login that lasts, and whose cookie the browser is given now.
local function make_login(id, hash, lives_ms, most_ms, unplayed_ms)
  local now = now_ms()
  redis.call('SET', 'login:' .. hash, id)
  note_login(id, hash, now, 0, '')
  note_login(id, hash, now, keep_login(id, hash, now, lives_ms, most_ms, unplayed_ms), '')
end
