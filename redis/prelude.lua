-- Shared by the scripts that change the lobby; put in front of each of them.
-- What a JSON text holds; nothing if it cannot be read, as if it were not there: one bad entry concerns nobody else.
local function read(text)
  local good, value = pcall(cjson.decode, text or '')
  return good and type(value) == 'table' and value or nil
end
local function tell(online, account, event)
  local live = read(redis.call('HGET', online, account))
  if not live or type(live.node) ~= 'string' then return false end
  local text = cjson.encode({account = account, event = event})
  return redis.call('PUBLISH', 'node:' .. live.node, text) > 0
end
local function change(version_key, what)
  local version = redis.call('INCR', version_key)
  redis.call('PUBLISH', 'lobby', cjson.encode({version = version, change = what}))
end
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%d', number) end

