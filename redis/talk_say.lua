-- Says words at a table, once for each request, and keeps the last ones for a while.
-- KEYS: 1 talk:{table} 2 words:{from}:{request}
-- ARGV: 1 channel 2 what is published as JSON 3 what is kept as JSON 4 most that is kept 5 seconds it is kept
--       6 seconds for which the request may be repeated
-- Returns: 1, or 0 if the request was carried out before.
-- Publishes: to the channel what it is given.
if redis.call('SET', KEYS[2], 'said', 'NX', 'EX', ARGV[6]) == false then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[3])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[4]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
