-- Offers a game to a player who is online and free.
-- KEYS: 1 online 2 invites:{to} 3 invites:{from} 4 invites-sent:{from} 5 seat:{from} 6 seat:{to} 7 blocked:{to}
--       8 invites-by-time
-- ARGV: 1 from 2 to 3 invite as JSON 4 milliseconds it stands 5 most invites at once
-- Returns: 'sent' | 'crossing' (nothing is made: accept the other's invite) | 'you_are_playing' | 'not_online'
--          | 'playing' | 'blocked' | 'already' | 'too_many'
-- Publishes: to node:{node} invites_changed, to both.
if redis.call('EXISTS', KEYS[5]) == 1 then return 'you_are_playing' end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then return 'not_online' end
if redis.call('EXISTS', KEYS[6]) == 1 then return 'playing' end
if redis.call('SISMEMBER', KEYS[7], ARGV[1]) == 1 then return 'blocked' end
local now = now_ms()
local function stands(text) return text and cjson.decode(text).expires_ms > now end
if stands(redis.call('HGET', KEYS[3], ARGV[2])) then return 'crossing' end
if stands(redis.call('HGET', KEYS[2], ARGV[1])) then return 'already' end
if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[5]) then return 'too_many' end
local invite = cjson.decode(ARGV[3])
invite.expires_ms = now + tonumber(ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(invite))
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('ZADD', KEYS[8], whole(invite.expires_ms), ARGV[1] .. ' ' .. ARGV[2])
tell(KEYS[1], ARGV[1], {kind = 'invites_changed'})
tell(KEYS[1], ARGV[2], {kind = 'invites_changed'})
return 'sent'
