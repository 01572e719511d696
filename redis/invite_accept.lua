-- Accepts an invite: takes both seats or none, makes the table, and voids every other invite of the two.
-- KEYS: 1 online 2 invites:{by} 3 seat:{by} 4 seat:{from} 5 tables 6 lobby-version 7 table:{table} 8 invites-by-time
--       9 saved:{table} 10 deadlines
-- ARGV: 1 by 2 from 3 table 4 account on the first seat 5 its name 6 account on the second seat 7 its name
--       8 record 0 ('' when a saved game is resumed) 9 milliseconds after which a node looks whether the game began
--       10 shard of the backup 11 ms that a guest lives that has played
--       12 the invite as it was read
-- Returns: 'started' | 'no_invite' | 'changed' (another one stands) | 'you_are_playing' | 'playing' | 'no_saved_game'
--          | 'not_online' (whoever sent it)
-- Publishes: to node:{node} invites_changed to both, invites_changed and the notice invite_void to whom
--            another invite concerned; to lobby table_in.
local by, from, table_id = ARGV[1], ARGV[2], ARGV[3]
local text = redis.call('HGET', KEYS[2], from)
if (tonumber((read(text) or {}).expires_ms) or 0) <= now_ms() then return 'no_invite' end
if text ~= ARGV[12] then return 'changed' end
if redis.call('EXISTS', KEYS[3]) == 1 then return 'you_are_playing' end
if redis.call('EXISTS', KEYS[4]) == 1 then return 'playing' end
if redis.call('HEXISTS', KEYS[1], from) == 0 then return 'not_online' end
if ARGV[8] == '' and redis.call('EXISTS', KEYS[9]) == 0 then return 'no_saved_game' end

redis.call('SET', KEYS[3], table_id)
redis.call('SET', KEYS[4], table_id)
redis.call('HSET', KEYS[7], 'first', ARGV[4], 'first_name', ARGV[5], 'second', ARGV[6], 'second_name', ARGV[7],
  'start', ARGV[8], 'resume', ARGV[8] == '' and '1' or '0', 'number', '1', 'flags', '---------', 'watchers', '0',
  'shard', ARGV[10], 'made_ms', whole(now_ms()))
-- Whoever accepts may have left since.
if redis.call('HEXISTS', KEYS[1], by) == 0 then
  redis.call('HSET', KEYS[7], by == ARGV[4] and 'away_first' or 'away_second', whole(now_ms()))
end
for _, account in ipairs({by, from}) do note_played(account, tonumber(ARGV[11])) end
redis.call('SADD', KEYS[5], table_id)
redis.call('ZADD', KEYS[10], whole(now_ms() + tonumber(ARGV[9])), table_id)

local function void(account, other, name)
  tell(KEYS[1], account, {kind = 'invites_changed'})
  if account ~= by and account ~= from then
    tell(KEYS[1], account, {kind = 'notice', code = 'invite_void', name = name,
      words = name .. ' has started another game.'})
  end
end
for _, account in ipairs({by, from}) do
  local name = account == ARGV[4] and ARGV[5] or ARGV[7]
  for _, sender in ipairs(redis.call('HKEYS', 'invites:' .. account)) do
    redis.call('SREM', 'invites-sent:' .. sender, account)
    redis.call('ZREM', KEYS[8], sender .. ' ' .. account)
    void(sender, account, name)
  end
  redis.call('DEL', 'invites:' .. account)
  for _, receiver in ipairs(redis.call('SMEMBERS', 'invites-sent:' .. account)) do
    redis.call('HDEL', 'invites:' .. receiver, account)
    redis.call('ZREM', KEYS[8], account .. ' ' .. receiver)
    void(receiver, account, name)
  end
  redis.call('DEL', 'invites-sent:' .. account)
  tell(KEYS[1], account, {kind = 'invites_changed'})
end
change(KEYS[6], {kind = 'table_in', table = table_id, accounts = {first = ARGV[4], second = ARGV[6]},
  names = {first = ARGV[5], second = ARGV[7]}})
return 'started'
