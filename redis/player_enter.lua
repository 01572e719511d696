-- Makes a session the live one of its account; an older one is told that it was taken over.
-- KEYS: 1 online 2 lobby-version 3 seat:{account}
-- ARGV: 1 account 2 node 3 session 4 name 5 guest (0|1) 6 hash of its login ('' for none)
-- Returns: the table the account sits at, or ''; 'logged_out' if the login has ended meanwhile.
-- Publishes: to node:{node of the older session} taken_over; to lobby player_in; to table:{table} presence.
if ARGV[6] ~= '' and redis.call('EXISTS', 'login:' .. ARGV[6]) == 0 then return 'logged_out' end
local older = read(redis.call('HGET', KEYS[1], ARGV[1]))
older = older and older.session
if older and older ~= ARGV[3] then tell(KEYS[1], ARGV[1], {kind = 'taken_over', session = older}) end
redis.call('HSET', KEYS[1], ARGV[1],
  cjson.encode({node = ARGV[2], session = ARGV[3], name = ARGV[4], guest = ARGV[5] == '1',
    login = ARGV[6] ~= '' and ARGV[6] or nil}))
change(KEYS[2], {kind = 'player_in', account = ARGV[1], name = ARGV[4], guest = ARGV[5] == '1'})
local seat = redis.call('GET', KEYS[3])
if not seat then return '' end
local first = redis.call('HGET', 'table:' .. seat, 'first')
redis.call('HDEL', 'table:' .. seat, first == ARGV[1] and 'away_first' or 'away_second')
redis.call('PUBLISH', 'table:' .. seat, '{"kind":"presence"}')
return seat
