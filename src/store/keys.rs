//! Every Redis key and channel, on one page. They are for people too: `redis-cli` shows readable names and values.

use crate::ids::{AccountId, AccountName, NodeId, RequestId, TableId};

/// Set: the nodes that lived lately.
pub const NODES: &str = "nodes";
/// Hash: account → its live session as JSON: node, session, name, guest, hash of its login.
pub const ONLINE: &str = "online";
/// Set: ids of the live tables.
pub const TABLES: &str = "tables";
/// Counter: the version of the lobby, raised by each published change.
pub const LOBBY_VERSION: &str = "lobby-version";
/// Channel: changes of the lobby.
pub const LOBBY: &str = "lobby";
/// Sorted set: every standing invite as `from to`, by when it lapses.
pub const INVITES_BY_TIME: &str = "invites-by-time";
/// Sorted set: live tables by when a node must look at them, whoever is connected.
pub const DEADLINES: &str = "deadlines";
/// Sorted set: finished games by when they ended.
pub const ARCHIVE_RECENT: &str = "archive-recent";

/// String: what seals the records that browsers keep; whoever knows it can make up records.
pub const SECRET: &str = "secret";
/// Hash: shard of the backup → the id of the Redis it is.
pub const SHARDS: &str = "shards";
/// String: the id of a Redis that is a shard of the backup.
pub const SHARD_ID: &str = "shard-id";

/// Pattern: the name of each account in a list.
pub const NAME_OF_EACH: &str = "account:*->name";
/// String: the names of all accounts that versions before 0.4.0 made have their skeletons.
pub const SKELETONS_NOTED: &str = "skeletons-noted";

/// Pattern: all finished games.
pub const ARCHIVE_ALL: &str = "archive:*";
/// String that expires at once: written by a node that starts, to know that Redis takes writes.
pub const WRITE_PROBE: &str = "write-probe";

/// Hash: name, password hash, guest, created, and where there are any: skeleton, generation of the password, whether a guest
/// has played.
pub fn account(id: AccountId) -> String {
    format!("account:{id}")
}

/// String: the account a folded name belongs to; with expiry also for a while after the account gave the name up.
pub fn account_name(name: &AccountName) -> String {
    format!("account-name:{}", name.folded())
}

/// The name that a key of [`account_name`] is about.
pub fn name_of(key: &str) -> Option<AccountName> {
    key.strip_prefix("account-name:")?.parse().ok()
}

/// String: the account with a name that looks like this; see [`AccountName::skeleton`].
pub fn account_skeleton(name: &AccountName) -> String {
    format!("account-skeleton:{}", name.skeleton())
}

/// Set: accounts this one does not want to hear of.
pub fn blocked(id: AccountId) -> String {
    format!("blocked:{id}")
}

/// String with expiry: the account a cookie stands for; named by the SHA-256 of the cookie.
pub fn login(hash: &str) -> String {
    format!("login:{hash}")
}

/// Set: the hashes of an account's logins.
pub fn logins(id: AccountId) -> String {
    format!("logins:{id}")
}

/// Hash: of each login, by its hash, when it was made, in milliseconds since 1970, the generation of the account's password
/// then (a change of the password begins another, in which older logins do not count), and until when the browser keeps the
/// cookie.
pub fn logins_made(id: AccountId) -> String {
    format!("logins-made:{id}")
}

/// Hash with expiry: a node's address, version, load. Also the channel of what goes to one node.
pub fn node(id: NodeId) -> String {
    format!("node:{id}")
}

/// String with expiry: the node that cleans up after a dead one.
pub fn reaper(dead: NodeId) -> String {
    format!("reaper:{dead}")
}

/// Channel: what nodes answer to one inspection.
pub fn report(inspection: NodeId) -> String {
    format!("report:{inspection}")
}

/// Hash: invites to an account, by sender, as JSON.
pub fn invites(id: AccountId) -> String {
    format!("invites:{id}")
}

/// Set: to whom an account has sent invites.
pub fn invites_sent(id: AccountId) -> String {
    format!("invites-sent:{id}")
}

/// String: the one live table an account sits at.
pub fn seat(id: AccountId) -> String {
    format!("seat:{id}")
}

/// Hash: seats, names, record 0 (none where a saved game is resumed), what the lobby shows, shard, when it was made, away
/// marks. Also the channel of its records.
pub fn table(id: TableId) -> String {
    format!("table:{id}")
}

pub fn table_of(channel: &str) -> Option<TableId> {
    channel.strip_prefix("table:")?.parse().ok()
}

/// Hash: how many watch a table, by node.
pub fn watchers(id: TableId) -> String {
    format!("watchers:{id}")
}

/// Channel: what one subscriber publishes to itself, to know that it hears.
pub fn probe(id: NodeId) -> String {
    format!("probe:{id}")
}

/// List with expiry: the last words at a table, as JSON.
pub fn talk(id: TableId) -> String {
    format!("talk:{id}")
}

/// List with expiry: the last letters to a player, as events.
pub fn letters(id: AccountId) -> String {
    format!("letters:{id}")
}

/// String with expiry: when a counter of attempts that all nodes share will be full again, in microseconds since 1970.
pub fn attempts(limit: &str, whom: &str) -> String {
    format!("limit:{limit}:{whom}")
}

/// String with expiry: a request that was carried out (words, an invite), so that its repetition does nothing more.
pub fn words(account: AccountId, request: &RequestId) -> String {
    format!("words:{account}:{}", request.as_str())
}

/// Stream at the backup: one entry for each record, with id `{number}-0` (`0-1` for record 0).
pub fn game(id: TableId) -> String {
    format!("game:{id}")
}

/// String with expiry: a saved game as JSON.
pub fn saved(id: TableId) -> String {
    format!("saved:{id}")
}

/// String with expiry: what lists show of a saved game, as JSON.
pub fn saved_row(id: TableId) -> String {
    format!("saved-row:{id}")
}

/// Sorted set: an account's saved games by when they were stopped.
pub fn saved_by(id: AccountId) -> String {
    format!("saved-by:{id}")
}

/// Hash: a finished game: who played, the result, when it ended, and all records packed; `nineflags archive show` prints
/// them. String: the whole game as JSON, as versions before 0.4.0 stored it. With expiry: it is kept for a while only.
pub fn archive(id: TableId) -> String {
    format!("archive:{id}")
}

/// Sorted set: an account's finished games by when they ended.
pub fn archive_by(id: AccountId) -> String {
    format!("archive-by:{id}")
}

/// Hash with expiry: the files of one version of the browser client, by path.
pub fn assets(hash: &str) -> String {
    format!("assets:{hash}")
}
