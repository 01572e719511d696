//! The sentinels of a group: who is the primary and how its replicas are, and a word when that changes. Nothing else reads
//! what sentinels say.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use redis::{Cmd, RedisError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::endpoint::{Access, At};
use super::error::{NO_PASSWORD, StoreError, WRONG_PASSWORD};
use super::timeouts;
use super::url::HostPort;
use super::wire::{Line, connect_to_hear};

/// Pause before a sentinel that cannot be heard is listened to again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// What a sentinel says of a name it does not know.
const UNKNOWN: &str = "No such master with that name";
/// What a Redis says that is no sentinel.
const NO_SENTINEL: &str = "unknown command";
/// A replica that has been without any primary for so long has acknowledged nothing that could be asked for now.
const CUT_OFF_MS: u64 = 10_000;
/// What sentinels publish when another Redis becomes the primary.
const SWITCH: &str = "+switch-master";

type Fields = HashMap<String, String>;

/// The sentinels of one group, cheap to clone.
#[derive(Clone)]
pub struct Sentinels {
    /// Each is asked every second, by several.
    hosts: Arc<[Line]>,
    name: String,
    /// What opens each Redis.
    redis: Access,
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(|host| host.at.to_string()).collect();
        write!(f, "{} at {}", self.name, hosts.join(", "))
    }
}

/// What one sentinel says.
#[derive(Debug, Clone)]
pub struct Word {
    /// Whose word it is.
    pub sentinel: At,
    pub primary: At,
    /// The number of the failover that made it the primary.
    pub epoch: u64,
    pub replicas: Vec<Replica>,
    fields: Fields,
}

impl Word {
    /// What it says of the primary, as in `master` or `s_down,master`.
    pub fn flags(&self) -> &str {
        text(&self.fields, "flags")
    }

    /// Whether it says this of the primary.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags().split(',').any(|it| it == flag)
    }

    /// Whether it holds the primary to be down.
    pub fn is_down(&self) -> bool {
        self.has_flag("s_down") || self.has_flag("o_down")
    }

    /// A field that is a number, or 0.
    pub fn number(&self, name: &str) -> u64 {
        text(&self.fields, name).parse().unwrap_or(0)
    }
}

/// A replica as a sentinel knows it.
#[derive(Debug, Clone)]
pub struct Replica {
    pub at: At,
    fields: Fields,
}

impl Replica {
    /// Whether it is alive, attached to the primary or not.
    fn is_alive(&self) -> bool {
        // Down for the sentinel that says so, or for all of them; or alive where the primary is not seen.
        let lost_ms: u64 = text(&self.fields, "master-link-down-time").parse().unwrap_or(0);
        !self.is_down() && (text(&self.fields, "master-link-status") == "ok" || lost_ms < CUT_OFF_MS)
    }

    fn is_down(&self) -> bool {
        text(&self.fields, "flags").split(',').any(|flag| flag == "s_down" || flag == "o_down")
    }

    /// Why it cannot be made the primary, in words.
    pub fn unfit(&self) -> Option<&'static str> {
        if self.is_down() {
            Some("it is down")
        } else if text(&self.fields, "flags").split(',').any(|flag| flag == "disconnected") {
            Some("its sentinel has no connection to it")
        } else if text(&self.fields, "master-link-status") != "ok" {
            Some("it does not follow the primary")
        } else if text(&self.fields, "slave-priority") == "0" {
            Some("it has not caught up (replica-priority 0)")
        } else {
            None
        }
    }
}

/// How many replicas a primary has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replicas {
    /// Those that are alive, attached to it or not.
    pub alive: u64,
    /// All that the sentinels know of.
    pub known: u64,
}

/// What all sentinels of a group say, or have against being asked, in the order of the URL.
pub struct Round(pub Vec<(At, Result<Word, StoreError>)>);

impl Round {
    /// The words of those that answer.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.0.iter().filter_map(|(_, word)| word.as_ref().ok())
    }

    /// The newest word, which counts. If there is none, what each has against it.
    pub fn newest(&self) -> Result<&Word, StoreError> {
        self.words().max_by_key(|word| word.epoch).ok_or_else(|| self.silence())
    }

    /// Whether more than half of all sentinels name the primary of the newest word.
    pub fn is_agreed(&self) -> bool {
        let Ok(newest) = self.newest() else { return false };
        self.words().filter(|word| word.primary == newest.primary).count() * 2 > self.0.len()
    }

    /// Its replicas, by the sentinels that know of most.
    pub fn replicas(&self) -> Replicas {
        let most = |count: fn(&Word) -> usize| self.words().map(count).max().unwrap_or(0) as u64;
        let known = most(|word| word.replicas.len());
        // Fewer than half may be cut off together with the primary: whom they do not see may be alive elsewhere.
        let alive = || most(|word| word.replicas.iter().filter(|replica| replica.is_alive()).count());
        Replicas { alive: if self.is_agreed() { alive() } else { known }, known }
    }

    /// No sentinel answers: the reason that does not pass by itself, or all of them.
    fn silence(&self) -> StoreError {
        let complaints = self.0.iter().filter_map(|(_, word)| word.as_ref().err());
        if let Some(lasting) = complaints.clone().find(|complaint| !complaint.may_pass()) {
            return lasting.clone();
        }
        let words: Vec<String> = complaints.cloned().map(StoreError::into_words).collect();
        StoreError::Unavailable(format!("no sentinel names a primary ({})", words.join("; ")))
    }
}

impl Sentinels {
    /// Sentinels at these hosts that know a primary by this name.
    pub fn new(hosts: Vec<At>, name: &str, redis: Access) -> Self {
        let hosts = hosts.into_iter().map(Line::to).collect();
        Self { hosts, name: name.to_owned(), redis }
    }

    /// What opens each Redis.
    pub fn redis(&self) -> &Access {
        &self.redis
    }

    /// A command about the group, for one sentinel.
    pub fn command(&self, verb: &str) -> Cmd {
        redis::cmd("SENTINEL").arg(verb).arg(&self.name).to_owned()
    }

    /// Asks all of them, each in time.
    pub async fn ask(&self) -> Round {
        let asked = self.hosts.iter().map(async |host| (host.at.clone(), self.ask_one(host).await));
        Round(join_all(asked).await)
    }

    async fn ask_one(&self, host: &Line) -> Result<Word, StoreError> {
        let mut asked = redis::pipe();
        asked.add_command(self.command("MASTER")).add_command(self.command("REPLICAS"));
        // The sentinel that carries a failover out lists the old primary under the new number until all replicas
        // follow the new one. This is whom it would send people to.
        asked.add_command(self.command("GET-MASTER-ADDR-BY-NAME"));
        let word = host.ask(&asked, timeouts::ANSWER).await.and_then(|answer| {
            let unclear = || StoreError::Unavailable("an answer that cannot be understood".to_owned());
            self.word(&host.at, answer).ok_or_else(unclear)
        });
        word.map_err(|error| {
            let complaint = self.complaint(&host.at, error);
            tracing::debug!(%complaint, "a sentinel does not answer");
            complaint
        })
    }

    fn word(&self, sentinel: &At, (fields, replicas, (host, port)): Told) -> Option<Word> {
        let replica = |fields: Fields| {
            let (host, port) = (text(&fields, "ip").to_owned(), text(&fields, "port").parse().ok()?);
            Some(Replica { at: self.redis.at(HostPort { host, port }), fields })
        };
        Some(Word {
            sentinel: sentinel.clone(),
            primary: self.redis.at(HostPort { host, port }),
            epoch: fields.get("config-epoch")?.parse().ok()?,
            replicas: replicas.into_iter().filter_map(replica).collect(),
            fields,
        })
    }

    /// What a sentinel has against being asked, for an operator.
    fn complaint(&self, at: &At, error: StoreError) -> StoreError {
        let (at, words) = (at.to_string(), error.to_string());
        if words.contains(UNKNOWN) {
            let words = format!("{at}: it knows no primary by the name {}", self.name);
            return StoreError::Unavailable(words);
        }
        if words.contains(NO_SENTINEL) {
            let words =
                "it is no sentinel: name the sentinels' own ports, or write redis://host:port for one Redis";
            return StoreError::Unusable(format!("{at}: {words}"));
        }
        match error {
            StoreError::Denied(words) if words.contains(NO_PASSWORD) => StoreError::Denied(format!(
                "the sentinel {at} wants a password, and the URL has none for it (…/{}?sentinel_password=…)",
                self.name
            )),
            StoreError::Denied(words) if words.contains(WRONG_PASSWORD) => StoreError::Denied(format!(
                "the sentinel {at} does not take the sentinel_password of the URL, or its sentinel_username"
            )),
            StoreError::Denied(words) => StoreError::Denied(format!("a sentinel: {words}")),
            other if words.contains(&at) => other,
            other => other.at(&at),
        }
    }

    /// Wakes `switched` whenever a sentinel says that the primary is another; never ends.
    pub async fn listen(&self, switched: &Notify) {
        join_all(self.hosts.iter().map(|host| self.listen_to(&host.at, switched))).await;
    }

    async fn listen_to(&self, sentinel: &At, switched: &Notify) {
        loop {
            if let Err(error) = self.hear(sentinel, switched).await {
                tracing::debug!(%sentinel, %error, "a sentinel cannot be heard");
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    async fn hear(&self, sentinel: &At, switched: &Notify) -> Result<(), RedisError> {
        let subscribe = async {
            let mut sentinel = connect_to_hear(sentinel).await?;
            sentinel.subscribe(SWITCH).await?;
            Ok::<_, RedisError>(sentinel)
        };
        let Ok(sentinel) = timeout(timeouts::ANSWER, subscribe).await else { return Ok(()) };
        let mut messages = sentinel?.into_on_message();
        while let Some(message) = messages.next().await {
            let words: String = message.get_payload()?;
            if words.split(' ').next() == Some(self.name.as_str()) {
                switched.notify_one();
            }
        }
        Ok(())
    }
}

/// What a sentinel tells of the primary, of its replicas, and to whom it would send people.
type Told = (Fields, Vec<Fields>, (String, u16));

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::url::Login;
    use super::{Access, Fields, HostPort, Round, Sentinels, StoreError, Word};

    fn sentinels() -> Sentinels {
        Sentinels::new(Vec::new(), "nine", Access::new(&Login::default(), None, None))
    }

    fn host(text: &str) -> HostPort {
        HostPort::parse(text, None).expect("an address")
    }

    fn fields(listed: &[(&str, &str)]) -> Fields {
        listed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The word of a sentinel on a failover's number, a primary, and the flags of its replicas.
    fn word(epoch: &str, primary: (&str, u16), replicas: &[&str]) -> Word {
        let listed = fields(&[("ip", "10.0.0.1"), ("port", "6379"), ("config-epoch", epoch)]);
        let link = [("ip", "10.0.0.9"), ("port", "1"), ("master-link-status", "ok")];
        let replicas = replicas.iter().map(|flags| fields(&[&link[..], &[("flags", flags)]].concat()));
        let (sentinels, (name, port)) = (sentinels(), primary);
        let at = sentinels.redis.at(host("s:1"));
        sentinels.word(&at, (listed, replicas.collect(), (name.to_owned(), port))).expect("a word")
    }

    fn round(words: Vec<Option<Word>>) -> Round {
        let silent = || StoreError::NoAnswer("late".to_owned());
        let at = || sentinels().redis.at(host("s:1"));
        Round(words.into_iter().map(|word| (at(), word.ok_or_else(silent))).collect())
    }

    #[test]
    fn a_sentinel_in_the_middle_of_a_failover_names_the_new_primary() {
        let word = word("7", ("10.0.0.2", 6_380), &[]);
        assert_eq!((word.primary.to_string().as_str(), word.epoch), ("10.0.0.2:6380", 7));
    }

    #[test]
    fn the_newest_word_counts_and_more_than_half_of_all_have_to_agree() {
        let (old, new) = (word("1", ("a", 1), &[]), word("2", ("b", 1), &[]));
        let named = |round: &Round| round.newest().map(|word| word.primary.to_string()).expect("a word");
        let alone = round(vec![Some(old.clone()), Some(new.clone()), None]);
        assert_eq!((named(&alone).as_str(), alone.is_agreed()), ("b:1", false));
        let most = round(vec![Some(old), Some(new.clone()), Some(new)]);
        assert_eq!((named(&most).as_str(), most.is_agreed()), ("b:1", true));
        let silent = round(vec![None, None]);
        assert!(!silent.is_agreed());
        assert!(
            silent.newest().is_err_and(|error| error.to_string().contains("no sentinel names a primary"))
        );
    }

    #[test]
    fn replicas_that_few_sentinels_see_count_as_alive() {
        let word = word("1", ("a", 1), &["slave", "s_down,slave"]);
        let replicas = |round: Round| (round.replicas().alive, round.replicas().known);
        assert_eq!(replicas(round(vec![Some(word.clone()), None, None])), (2, 2));
        assert_eq!(replicas(round(vec![Some(word.clone()), Some(word), None])), (1, 2));
    }
}
