-- Sends words to a player who is online, once for each request.
-- KEYS: 1 online 2 blocked:{to} 3 words:{from}:{request}
-- ARGV: 1 to 2 from 3 message event as JSON 4 seconds for which the request may be repeated
-- Returns: {'sent', ms since 1970} | {'already'} | {'blocked'} | {'not_online'}
-- Publishes: to node:{node} the message.
if redis.call('EXISTS', KEYS[3]) == 1 then return {'already'} end
if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 1 then return {'blocked'} end
local now, event = now_ms(), cjson.decode(ARGV[3])
event.sent_ms = now
-- What nobody heard was not sent: the request may be repeated.
if not tell(KEYS[1], ARGV[1], event) then return {'not_online'} end
redis.call('SET', KEYS[3], 'said', 'EX', ARGV[4])
return {'sent', now}
