-- Appends the records of one request to a game's stream if they follow its tip and come from a live session, and
-- publishes them.
-- KEYS: 1 game:{table} 2 online
-- ARGV: 1 channel, 2 number of records at the tip, 3 hash of the tip ('' for none), 4 request id,
--       5 account of the mover ('' when no session asked) 6 its session, 7 the node that asks,
--       then for each record: hash, request, seat, record, time in ms (0: now), salt ('' in format 1)
-- Returns: {'appended', time_ms} | {'already', entries} | {'conflict', entries} (those after the tip given)
--          | {'behind', number, hash} | {'diverged'} | {'not_live'}
-- Publishes: to the channel {"kind":"records","node":node,"from":number,"entries":[…]}, in this order: a node knows its own
local stream, channel = KEYS[1], ARGV[1]
local number, hash, request = tonumber(ARGV[2]), ARGV[3], ARGV[4]
-- An id counts for the seat that gave it: the other may have given the same one.
local seat = ARGV[10]

local function id(record) if record == 0 then return '0-1' end return record .. '-0' end
local function field(entry, name)
  for i = 1, #entry[2], 2 do if entry[2][i] == name then return entry[2][i + 1] end end
end

local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
local there, tip, latest = 0, '', 0
if last then
  there = tonumber(string.match(last[1], '^%d+')) + 1
  tip = field(last, 'hash')
  latest = tonumber(field(last, 'time_ms')) or 0
end
if there < number then return {'behind', there, tip} end
if number > 0 and there > number then
  local before = redis.call('XRANGE', stream, id(number - 1), id(number - 1))[1]
  if field(before, 'hash') ~= hash then return {'diverged'} end
elseif tip ~= hash and there == number then
  return {'diverged'}
end
if there > number then
  local missing = redis.call('XRANGE', stream, id(number), '+')
  for _, entry in ipairs(missing) do
    if field(entry, 'request') == request and field(entry, 'seat') == seat then return {'already', missing} end
  end
  return {'conflict', missing}
end

if ARGV[5] ~= '' then
  -- As it lies there, in JSON without blanks: whoever wrote it, reading it all would take longer than the rest of this script.
  local live = redis.call('HGET', KEYS[2], ARGV[5]) or ''
  if not string.find(live, '"session":"' .. ARGV[6] .. '"', 1, true) then return {'not_live'} end
end

local time = redis.call('TIME')
-- After a failover the clock is another machine's: times of one game never go back.
local now = string.format('%d', math.max(latest, time[1] * 1000 + math.floor(time[2] / 1000)))
local entries = {}
for i = 8, #ARGV, 6 do
  local stamp = ARGV[i + 4]
  if stamp == '0' then stamp = now end
  -- A record that was stamped elsewhere may be older than the one before it, which was stamped here.
  latest = math.max(latest, tonumber(stamp))
  stamp = string.format('%d', latest)
  local fields = {'hash', ARGV[i], 'request', ARGV[i + 1], 'seat', ARGV[i + 2], 'record', ARGV[i + 3], 'time_ms', stamp}
  local told = {hash = ARGV[i], request = ARGV[i + 1], seat = ARGV[i + 2], record = ARGV[i + 3], time_ms = tonumber(stamp)}
  if ARGV[i + 5] ~= '' then
    fields[11], fields[12] = 'salt', ARGV[i + 5]
    told.salt = ARGV[i + 5]
  end
  redis.call('XADD', stream, id(number + #entries), unpack(fields))
  entries[#entries + 1] = told
end
local told = '{"kind":"records","node":"' .. ARGV[7] .. '","from":' .. ARGV[2] .. ',"entries":' .. cjson.encode(entries) .. '}'
redis.call('PUBLISH', channel, told)
return {'appended', now}
