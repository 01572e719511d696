-- Offers a game to a player who is online and free.
-- KEYS: 1 online 2 invites:{to} 3 invites:{from} 4 invites-sent:{from} 5 seat:{from} 6 seat:{to} 7 blocked:{to}
--       8 invites-by-time 9 words:{from}:{request}
-- ARGV: 1 from 2 to 3 invite as JSON 4 milliseconds it stands 5 most invites sent at once
--       6 seconds for which the request may be repeated 7 most invites received at once
--       8 network of a stranger ('' for whoever has played with the receiver) 9 most invites of it at once
-- Returns: 'sent' (also to a repeated request) | 'crossing' (nothing is made: accept the other's invite, which is the same)
--          | 'you_are_playing' | 'not_online' | 'playing' | 'blocked' | 'already' | 'too_many' | 'too_many_received'
--          | 'too_many_from_network'
-- Publishes: to node:{node} invites_changed, to both.
if redis.call('EXISTS', KEYS[9]) == 1 then return 'sent' end
if redis.call('EXISTS', KEYS[5]) == 1 then return 'you_are_playing' end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then return 'not_online' end
if redis.call('EXISTS', KEYS[6]) == 1 then return 'playing' end
if redis.call('SISMEMBER', KEYS[7], ARGV[1]) == 1 then return 'blocked' end
local now = now_ms()
local function standing(text)
  local invite = read(text)
  return invite and (tonumber(invite.expires_ms) or 0) > now and invite
end
local function same(one, other)
  if type(one) ~= 'table' or type(other) ~= 'table' then return one == other end
  for name, value in pairs(one) do if not same(value, other[name]) then return false end end
  for name in pairs(other) do if one[name] == nil then return false end end
  return true
end
local invite = cjson.decode(ARGV[3])
local theirs = standing(redis.call('HGET', KEYS[3], ARGV[2]))
-- One on other terms stands beside this one: nobody plays by terms that they have not seen.
if theirs and theirs.resume == invite.resume and (invite.resume or same(theirs.options, invite.options)) then
  return 'crossing'
end
if standing(redis.call('HGET', KEYS[2], ARGV[1])) then return 'already' end
if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[5]) then return 'too_many' end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[7]) then return 'too_many_received' end
if ARGV[8] ~= '' then
  local from_there = 0
  for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
    if (standing(text) or {}).network == ARGV[8] then from_there = from_there + 1 end
  end
  if from_there >= tonumber(ARGV[9]) then return 'too_many_from_network' end
  invite.network = ARGV[8]
end
invite.expires_ms = now + tonumber(ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(invite))
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('ZADD', KEYS[8], whole(invite.expires_ms), ARGV[1] .. ' ' .. ARGV[2])
redis.call('SET', KEYS[9], 'sent', 'EX', ARGV[6])
tell(KEYS[1], ARGV[1], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[2], {kind = 'invites_changed'})
return 'sent'
