-- Ends one login.
-- KEYS: 1 login:{hash}
-- ARGV: 1 hash of the cookie
-- Returns: 1, or 0 if there is no such login.
-- Publishes: to node:{node} logged_out, if the session is one of this login.
local id = redis.call('GET', KEYS[1])
if not id then return 0 end
end_login(id, ARGV[1])
close_ended(id)
return 1
