-- Finds the account of a login, and has the login last longer.
-- KEYS: 1 login:{hash}
-- ARGV: 1 hash of the cookie 2 ms that an unused login lives 3 ms that any login lives
--       4 ms that a guest lives that never played 5 '1' if the browser can be given the cookie again
-- Returns: {id, 1 if it is to be given again: once a day at most, ms that the login lasts, fields of the account};
--          nothing if there is no such login.
-- Publishes: nothing.
local id = redis.call('GET', KEYS[1])
if not id then return false end
if not stands(id, ARGV[1], tonumber(ARGV[3])) then
  end_login(id, ARGV[1])
  return false
end
local made, _, kept, age = made_of(id, ARGV[1])
if not made or redis.call('SISMEMBER', 'logins:' .. id, ARGV[1]) == 0 then
  made, kept, age = made or now_ms(), kept or 0, age or ' old'
  note_login(id, ARGV[1], made, kept, age)
end
local ends = keep_login(id, ARGV[1], made, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
local again = ARGV[5] == '1' and ends - kept > math.min(DAY_MS, tonumber(ARGV[2]) / 2)
if again then note_login(id, ARGV[1], made, ends, age) end
return {id, again and 1 or 0, ends - now_ms(), redis.call('HGETALL', 'account:' .. id)}
