-- Sends words to a player who is online, once for each request, and keeps the last ones for a session that missed them.
-- KEYS: 1 online 2 blocked:{to} 3 words:{from}:{request} 4 letters:{to}
-- ARGV: 1 to 2 from 3 message event as JSON 4 seconds for which the request may be repeated 5 most letters that are kept
--       6 seconds they are kept
-- Returns: {'sent', ms since 1970}, also to a repeated request | {'blocked'} | {'not_online'}
-- Publishes: to node:{node} the message.
local sent_ms = redis.call('GET', KEYS[3])
if sent_ms then return {'sent', tonumber(sent_ms) or now_ms()} end
if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 1 then return {'blocked'} end
local now, event = now_ms(), cjson.decode(ARGV[3])
event.sent_ms = now
-- What nobody heard was not sent: the request may be repeated.
if not tell(KEYS[1], ARGV[1], event) then return {'not_online'} end
redis.call('SET', KEYS[3], whole(now), 'EX', ARGV[4])
redis.call('RPUSH', KEYS[4], cjson.encode(event))
redis.call('LTRIM', KEYS[4], -tonumber(ARGV[5]), -1)
redis.call('EXPIRE', KEYS[4], ARGV[6])
return {'sent', now}
