-- Makes a session the live one of its account again, after the store lost it; where another one is live by now, that
-- stays. The text of player_enter.lua follows.
-- KEYS: 1 online 2 lobby-version 3 seat:{account}
-- ARGV: 1 account 2 node 3 session 4 name 5 guest (0|1) 6 hash of its login ('' for none)
-- Returns: the table the account sits at, or ''; nothing if another session is live; 'logged_out' if the login
--          has ended meanwhile.
-- Publishes: to lobby player_in; to table:{table} presence.
local live = read(redis.call('HGET', KEYS[1], ARGV[1]))
if live then return live.session == ARGV[3] and '' end
