-- Shared by the scripts that change the lobby; put in front of each of them.
local function tell(online, account, event)
  local live = redis.call('HGET', online, account)
  if not live then return false end
  local text = cjson.encode({account = account, event = event})
  return redis.call('PUBLISH', 'node:' .. cjson.decode(live).node, text) > 0
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

