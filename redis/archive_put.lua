-- Puts a finished game into the archive, once, and into the lists that show it.
-- KEYS: 1 archive:{table} 2, 3 archive-by:{account} of both seats 4 archive-recent
-- ARGV: 1 table 2 when it ended, ms 3 seconds it is kept (0: for ever) 4 '1' if it is listed 5 games listed of an account
--       6 games in the list of recent ones 7 'text', and in 8 the game as JSON; or 'fields', and from 8 on names and values
-- Returns: 1, or 0 if it was there already.
-- Publishes: nothing.
local new = redis.call('EXISTS', KEYS[1]) == 0
if new then
  if ARGV[7] == 'text' then redis.call('SET', KEYS[1], ARGV[8]) else redis.call('HSET', KEYS[1], unpack(ARGV, 8)) end
  if ARGV[3] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
end
if ARGV[4] == '1' then
  for i = 2, 4 do
    redis.call('ZADD', KEYS[i], ARGV[2], ARGV[1])
    local most = i == 4 and ARGV[6] or ARGV[5]
    redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -1 - tonumber(most))
    -- A list of nothing but games that end goes with the last of them.
    if i < 4 and ARGV[3] == '0' then
      redis.call('PERSIST', KEYS[i])
    elseif i < 4 and (redis.call('ZCARD', KEYS[i]) == 1 or redis.call('TTL', KEYS[i]) > 0) then
      redis.call('EXPIRE', KEYS[i], ARGV[3])
    end
  end
end
return new and 1 or 0
