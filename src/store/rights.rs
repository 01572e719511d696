//! Whether the user of a group's URL may do all that a node does there: tried at the start, since a right that is missing
//! shows otherwise only when somebody needs it.

use redis::{Cmd, Value};

use super::{Store, keys};
use crate::ids::{AccountId, AccountName, NodeId, RequestId, TableId};
use crate::redis::error::StoreError;
use crate::redis::group::Group;

/// What is asked of a Redis whatever it is for. `KEY` stands for a key of the group, `CHANNEL` for one of its channels.
const EVERYWHERE: &str = "PING, ROLE, INFO, TIME, EXEC, WAIT 0 0, SCRIPT LOAD x, EVALSHA x 0, SUBSCRIBE CHANNEL, \
    UNSUBSCRIBE CHANNEL, PUBLISH CHANNEL x, SET KEY x, GET KEY, EXISTS KEY";
/// Of the data group.
const DATA: &str = "DEL KEY, EXPIRE KEY 1, PEXPIRE KEY 1, PEXPIREAT KEY 1, PEXPIRETIME KEY, PTTL KEY, SORT KEY, \
    PERSIST KEY, GETDEL KEY, GETEX KEY, SETEX KEY 1 x, SETNX KEY x, MGET KEY, INCR KEY, HDEL KEY x, \
    HEXISTS KEY x, HGET KEY x, HGETALL KEY, HKEYS KEY, HLEN KEY, HSCAN KEY 0, HMGET KEY x, HSET KEY x x, \
    HINCRBY KEY x 1, HSETNX KEY x x, HVALS KEY, LRANGE KEY 0 0, LTRIM KEY 0 0, RPUSH KEY x, SADD KEY x, \
    SCARD KEY, SISMEMBER KEY x, SMEMBERS KEY, SREM KEY x, SSCAN KEY 0, XADD KEY * x x, XLEN KEY, \
    XRANGE KEY - +, XREVRANGE KEY + -, ZADD KEY 1 x, ZCARD KEY, ZRANGE KEY 0 0, ZRANGEBYSCORE KEY 0 0, \
    ZREM KEY x, ZREMRANGEBYRANK KEY 0 0, ZREVRANGE KEY 0 0, ZSCORE KEY x, MULTI, SCAN 0";
/// Of a shard of the backup.
const SHARD: &str = "HGET KEY x, XADD KEY * x x, XLEN KEY, XRANGE KEY - +, XREVRANGE KEY + -, EXPIRE KEY 1, PERSIST KEY, \
    DEL KEY, SCAN 0";
const ARCHIVE: &str = "MULTI, SCAN 0, DEL KEY, TYPE KEY, TTL KEY, PTTL KEY, EXPIRE KEY 1, PEXPIRE KEY 1, PERSIST KEY, \
    HMGET KEY x, HSET KEY x x, ZADD KEY 1 x, ZCARD KEY, ZREM KEY x, ZRANGE KEY 0 0, ZREVRANGE KEY 0 0, \
    ZREMRANGEBYRANK KEY 0 0";

struct Needs {
    commands: &'static str,
    keys: Vec<String>,
    channels: Vec<String>,
}

fn of_data() -> Needs {
    let (account, node, table) = (AccountId::random(), NodeId::random(), TableId::random());
    let mut keys: Vec<String> = [
        keys::NODES,
        keys::ONLINE,
        keys::TABLES,
        keys::LOBBY_VERSION,
        keys::INVITES_BY_TIME,
        keys::DEADLINES,
        keys::SECRET,
        keys::SHARDS,
        keys::SHARD_ID,
        keys::SKELETONS_NOTED,
        keys::WRITE_PROBE,
    ]
    .map(str::to_owned)
    .into();
    keys.extend([
        keys::account(account),
        keys::blocked(account),
        keys::login("probe"),
        keys::logins(account),
        keys::logins_made(account),
        keys::node(node),
        keys::reaper(node),
        keys::invites(account),
        keys::invites_sent(account),
        keys::seat(account),
        keys::table(table),
        keys::watchers(table),
        keys::talk(table),
        keys::letters(account),
        keys::saved(table),
        keys::saved_row(table),
        keys::saved_by(account),
        keys::assets("probe"),
        keys::attempts("probe", "probe"),
    ]);
    if let Ok(name) = "Probe".parse::<AccountName>() {
        keys.extend([keys::account_name(&name), keys::account_skeleton(&name)]);
    }
    keys.extend("probe".parse::<RequestId>().map(|request| keys::words(account, &request)));
    let channels = vec![
        keys::LOBBY.to_owned(),
        keys::node(node),
        keys::report(node),
        keys::probe(node),
        keys::table(table),
    ];
    Needs { commands: DATA, keys, channels }
}

fn of_shard() -> Needs {
    let (node, table) = (NodeId::random(), TableId::random());
    let names = [keys::ONLINE, keys::SHARD_ID, keys::WRITE_PROBE].map(str::to_owned);
    let keys = names.into_iter().chain([keys::game(table)]).collect();
    Needs { commands: SHARD, keys, channels: vec![keys::table(table), keys::probe(node)] }
}

fn of_archive() -> Needs {
    let names = [keys::ARCHIVE_RECENT, keys::WRITE_PROBE].map(str::to_owned);
    let of = [keys::archive(TableId::random()), keys::archive_by(AccountId::random())];
    Needs { commands: ARCHIVE, keys: names.into_iter().chain(of).collect(), channels: Vec::new() }
}

impl Needs {
    /// Every command once, and every key and channel once for reading and once for writing. None is carried out.
    fn commands(&self) -> Vec<Vec<String>> {
        let key = self.keys.first().map_or("", String::as_str);
        let channel = self.channels.first().map_or("", String::as_str);
        let words = |command: &str| {
            let words = command.split(' ').map(|word| match word {
                "KEY" => key.to_owned(),
                "CHANNEL" => channel.to_owned(),
                word => word.to_owned(),
            });
            words.collect::<Vec<String>>()
        };
        let all = EVERYWHERE.split(", ").chain(self.commands.split(", "));
        let all = all.filter(|command| !self.channels.is_empty() || !command.contains("CHANNEL"));
        // These would begin or end the transaction in which the others are queued.
        let all = all.filter(|command| !matches!(*command, "MULTI" | "EXEC")).map(words);
        let three = |name: &str, of: &str| [name, of, "x"].map(str::to_owned).to_vec();
        let two = |name: &str, of: &str| [name, of].map(str::to_owned).to_vec();
        let keys = self.keys.iter().flat_map(|key| [two("GET", key), three("SET", key)]);
        let channels = self.channels.iter().flat_map(|it| [two("SUBSCRIBE", it), three("PUBLISH", it)]);
        all.chain(keys).chain(channels).collect()
    }
}

impl Store {
    /// Tries in each group that answers all that a node does there; the error names the first right that is missing.
    pub(super) async fn try_rights(&self) -> Result<(), StoreError> {
        let mut tried = vec![(self.data(), of_data()), (self.archive(), of_archive())];
        tried.extend(self.shards().iter().map(|shard| (shard, of_shard())));
        for (group, needs) in tried {
            match try_out(group, &needs).await {
                Err(error) if error.may_pass() => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// Has Redis take the commands as parts of a transaction, which it judges by the rights of the user, and throws it away.
async fn try_out(group: &Group, needs: &Needs) -> Result<(), StoreError> {
    let primary = group.primary().await?;
    // A connection of its own: nobody else's command may come between.
    let mut wire = group.connect(&primary).await?;
    let begun = primary.in_time(redis::cmd("MULTI").query_async::<()>(&mut wire)).await;
    begun.map_err(|error| error.at(group.name()))?;
    let commands = needs.commands();
    let mut pipeline = redis::pipe();
    for words in &commands {
        let mut command = Cmd::new();
        command.arg(words);
        pipeline.add_command(command);
    }
    pipeline.cmd("DISCARD");
    let answers = primary.in_time(wire.send_packed_commands(&pipeline, 0, commands.len() + 1)).await;
    let answers = answers.map_err(|error| error.at(group.name()))?;
    for (words, answer) in commands.iter().zip(answers) {
        if let Value::ServerError(error) = answer {
            let (code, did) = (error.code().to_owned(), words.get(..2).unwrap_or(words).join(" "));
            let error = StoreError::from(redis::RedisError::from(error));
            let words = match error {
                _ if code == "NOPERM" => format!(
                    "the user of its URL lacks rights: it may not do {did} (the nodes need: ACL SETUSER name ~* &* +@all)"
                ),
                other if other.may_pass() => return Err(other.at(group.name())),
                other => format!("it does not do {did}: {other}"),
            };
            return Err(StoreError::Denied(words).at(group.name()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::{ARCHIVE, DATA, EVERYWHERE, SHARD};

    /// What operators and sentinels are asked by other commands of the program, and what only the tests of rights send.
    const NOT_OF_NODES: [&str; 4] = ["CLIENT", "SENTINEL", "REPLICAOF", "DISCARD"];

    /// The words in quotes after each of these beginnings in all files of a folder.
    fn named(folder: &str, begin: &str, quote: char) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let Ok(text) = fs::read_to_string(entry.expect("a file").path()) else { continue };
            for rest in text.split(begin).skip(1) {
                found.extend(rest.split(quote).next().map(str::to_owned));
            }
        }
        found
    }

    #[test]
    fn every_command_that_is_sent_is_tried() {
        let tried = [EVERYWHERE, DATA, SHARD, ARCHIVE].into_iter().flat_map(|list| list.split(", "));
        let tried: BTreeSet<&str> = tried.filter_map(|command| command.split(' ').next()).collect();
        let mut sent = named("src/store", "cmd(\"", '"');
        sent.extend(named("src/redis", "cmd(\"", '"'));
        sent.extend(named("redis", "redis.call('", '\''));
        assert!(sent.len() > 40, "the commands are found: {sent:?}");
        let is_word = |name: &&String| name.chars().all(|c| c.is_ascii_uppercase());
        let missing: Vec<&String> = sent
            .iter()
            .filter(is_word)
            .filter(|name| !tried.contains(name.as_str()) && !NOT_OF_NODES.contains(&name.as_str()))
            .collect();
        assert!(missing.is_empty(), "not tried at the start of a node: {missing:?}");
    }

    #[test]
    fn every_key_is_tried() {
        let read = |path: &str| {
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
        };
        let (page, tried) = (read("src/store/keys.rs"), read("src/store/rights.rs"));
        let names = page.lines().filter_map(|line| {
            let rest = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub const "))?;
            rest.split(['(', ':']).next()
        });
        let missing: Vec<&str> = names
            .filter(|name| {
                !["ARCHIVE_ALL", "NAME_OF_EACH", "name_of", "table_of"].contains(name)
                    && !tried.contains(&format!("keys::{name}"))
            })
            .collect();
        assert!(missing.is_empty(), "not tried at the start of a node: {missing:?}");
    }
}
