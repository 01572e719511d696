-- Charges one attempt to several counters that all nodes share, or to none of them where one has no more room.
-- KEYS: the counters, limit:{name}:{whom}; each holds when it will be full again, in microseconds, and ends then
-- ARGV: for each counter 1 how many at once 2 microseconds after which one comes back
-- Returns: {0, 0}, or which counter has no room and after how many microseconds it has.
-- Publishes: nothing.
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local after = {}
for at, key in ipairs(KEYS) do
  local burst, each_us = tonumber(ARGV[2 * at - 1]), tonumber(ARGV[2 * at])
  -- No bucket is emptier than empty, whatever a clock says that has been set back since.
  local full_at = math.min(tonumber(redis.call('GET', key) or '0'), now_us + burst * each_us)
  after[at] = math.max(full_at, now_us) + each_us
  local over = after[at] - now_us - burst * each_us
  if over > 0 then return {at, over} end
end
for at, key in ipairs(KEYS) do
  local lives_ms = math.ceil((after[at] - now_us) / 1000)
  redis.call('SET', key, string.format('%d', after[at]), 'PX', string.format('%d', math.max(lives_ms, 1)))
end
return {0, 0}
