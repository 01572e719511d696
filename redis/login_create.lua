-- Makes a login, if the account's password is still the one that was checked. Of too many the oldest end.
-- KEYS: 1 account:{id} 2 login:{hash} 3 logins:{id} 4 logins-made:{id}
-- ARGV: 1 id 2 hash of the cookie 3 hash of the password that was checked 4 most logins
--       5 ms that an unused login lives 6 ms that any login lives 7 ms that a guest lives that never played
-- Returns: 1, or 0 if the account is gone or has another password.
-- Publishes: to node:{node} logged_out, if the session's login is one that ends.
if redis.call('HGET', KEYS[1], 'password') ~= ARGV[3] then return 0 end
local live = {}
for _, hash in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  if redis.call('EXISTS', 'login:' .. hash) == 1 then
    live[#live + 1] = {hash = hash, made = made_of(ARGV[1], hash) or 0}
  else
    end_login(ARGV[1], hash)
  end
end
table.sort(live, function(one, other)
  if one.made ~= other.made then return one.made < other.made end
  return one.hash < other.hash
end)
local ended = #live + 1 - tonumber(ARGV[4])
for place = 1, ended do end_login(ARGV[1], live[place].hash) end
if ended > 0 then close_ended(ARGV[1]) end
make_login(ARGV[1], ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
return 1
