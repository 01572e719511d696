//! The sentinels of a group: who is the primary, and a word when that changes.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use redis::{Client, ConnectionInfo, RedisConnectionInfo, RedisError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::error::{NO_PASSWORD, StoreError, WRONG_PASSWORD};
use super::place::{connect, info_of, shown};
use crate::redis_url::HostPort;

/// How long one sentinel may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(700);
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

/// The sentinels of one group.
#[derive(Debug, Clone)]
pub struct Sentinels {
    hosts: Vec<ConnectionInfo>,
    name: String,
    /// How to greet the primary.
    redis: RedisConnectionInfo,
}

/// What the sentinels say.
#[derive(Debug, Clone)]
pub struct Told {
    /// How to connect to the primary.
    pub primary: ConnectionInfo,
    /// The number of the failover that made it the primary.
    pub epoch: u64,
    /// Its replicas, by the sentinel that knows of most.
    pub replicas: Replicas,
    /// How many sentinels say the same.
    pub voices: usize,
}

/// How many replicas a primary has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replicas {
    /// Those that are alive, attached to it or not.
    pub alive: u64,
    /// All that the sentinels know of.
    pub known: u64,
}

/// The answer of one sentinel.
struct Answer {
    at: HostPort,
    epoch: u64,
    replicas: Replicas,
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(|host| shown(host.addr())).collect();
        write!(f, "{} at {}", self.name, hosts.join(", "))
    }
}

impl Sentinels {
    /// Sentinels at these hosts that know a primary by this name.
    pub fn new(hosts: Vec<ConnectionInfo>, name: &str, redis: RedisConnectionInfo) -> Self {
        Self { hosts, name: name.to_owned(), redis }
    }

    /// Where the sentinels are.
    pub fn hosts(&self) -> &[ConnectionInfo] {
        &self.hosts
    }

    /// What they call the primary.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to greet it.
    pub fn redis(&self) -> &RedisConnectionInfo {
        &self.redis
    }

    /// Whether so many voices are more than half.
    pub fn is_majority(&self, voices: usize) -> bool {
        voices * 2 > self.hosts.len()
    }

    /// Asks all of them; the newest word counts. If none answers in time, what each has against it.
    pub async fn ask(&self) -> Result<Told, StoreError> {
        let asked = join_all(self.hosts.iter().map(|host| self.ask_one(host))).await;
        let (mut answers, mut complaints) = (Vec::<Answer>::new(), Vec::<StoreError>::new());
        for asked in asked {
            match asked {
                Ok(answer) => answers.push(answer),
                Err(complaint) => complaints.push(complaint),
            }
        }
        let Some(newest) = answers.iter().max_by_key(|answer| answer.epoch) else {
            return Err(all_silent(complaints));
        };
        let most = |count: fn(&Answer) -> u64| answers.iter().map(count).max().unwrap_or(0);
        let (alive, known) = (most(|answer| answer.replicas.alive), most(|answer| answer.replicas.known));
        let same = |answer: &&Answer| answer.at == newest.at;
        let voices = answers.iter().filter(same).count();
        // Fewer than half may be cut off together with the primary: whom they do not see may be alive elsewhere.
        let alive = if self.is_majority(voices) { alive } else { known };
        let primary = info_of(newest.at.clone(), self.redis.clone());
        Ok(Told { primary, epoch: newest.epoch, replicas: Replicas { alive, known }, voices })
    }

    async fn ask_one(&self, host: &ConnectionInfo) -> Result<Answer, StoreError> {
        let exchange = async {
            let mut connection = connect(host).await?;
            let mut pipeline = redis::pipe();
            pipeline.cmd("SENTINEL").arg("MASTER").arg(&self.name);
            pipeline.cmd("SENTINEL").arg("REPLICAS").arg(&self.name);
            // The sentinel that carries a failover out lists the old primary under the new number until all replicas
            // follow the new one. This is whom it would send people to.
            pipeline.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
            Ok(pipeline.query_async::<(Fields, Vec<Fields>, (String, u16))>(&mut connection).await?)
        };
        let error = match timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(Ok((primary, replicas, at))) => match answer(&primary, &replicas, at) {
                Some(answer) => return Ok(answer),
                None => StoreError::Unavailable("an answer that cannot be understood".to_owned()),
            },
            Ok(Err(error)) => error,
            Err(_) => StoreError::NoAnswer("no answer in time".to_owned()),
        };
        let complaint = self.complaint(host, error);
        tracing::debug!(%complaint, "a sentinel does not answer");
        Err(complaint)
    }

    /// What a sentinel has against being asked, for an operator.
    pub fn complaint(&self, host: &ConnectionInfo, error: StoreError) -> StoreError {
        let (at, words) = (shown(host.addr()), error.to_string());
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
        join_all(self.hosts.iter().map(|host| self.listen_to(host, switched))).await;
    }

    async fn listen_to(&self, host: &ConnectionInfo, switched: &Notify) {
        loop {
            if let Err(error) = self.hear(host, switched).await {
                tracing::debug!(sentinel = shown(host.addr()), %error, "a sentinel cannot be heard");
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    async fn hear(&self, host: &ConnectionInfo, switched: &Notify) -> Result<(), RedisError> {
        let subscribe = async {
            let mut sentinel = Client::open(host.clone())?.get_async_pubsub().await?;
            sentinel.subscribe(SWITCH).await?;
            Ok::<_, RedisError>(sentinel)
        };
        let Ok(sentinel) = timeout(ANSWER_TIMEOUT, subscribe).await else { return Ok(()) };
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

/// No sentinel answers: the reason that does not pass by itself, or all of them.
pub fn all_silent(mut complaints: Vec<StoreError>) -> StoreError {
    if let Some(lasting) = complaints.iter().position(|complaint| !complaint.may_pass()) {
        return complaints.swap_remove(lasting);
    }
    let words: Vec<String> = complaints.into_iter().map(StoreError::into_words).collect();
    StoreError::Unavailable(format!("no sentinel names a primary ({})", words.join("; ")))
}

type Fields = HashMap<String, String>;

fn answer(primary: &Fields, replicas: &[Fields], (host, port): (String, u16)) -> Option<Answer> {
    let is_alive = |replica: &&Fields| {
        let field = |name: &str| replica.get(name).map_or("", String::as_str);
        // Down for the sentinel that says so, or for all of them; or alive where the primary is not seen.
        let is_down = field("flags").split(',').any(|flag| flag == "s_down" || flag == "o_down");
        let lost_ms: u64 = field("master-link-down-time").parse().unwrap_or(0);
        !is_down && (field("master-link-status") == "ok" || lost_ms < CUT_OFF_MS)
    };
    Some(Answer {
        at: HostPort { host, port },
        epoch: primary.get("config-epoch")?.parse().ok()?,
        replicas: Replicas {
            alive: replicas.iter().filter(is_alive).count() as u64,
            known: replicas.len() as u64,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Fields, answer};

    #[test]
    fn a_sentinel_in_the_middle_of_a_failover_names_the_new_primary() {
        let listed = [("ip", "10.0.0.1"), ("port", "6379"), ("config-epoch", "7")];
        let listed: Fields = listed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let answer = answer(&listed, &[], ("10.0.0.2".to_owned(), 6_380)).expect("an answer");
        assert_eq!((answer.at.to_string().as_str(), answer.epoch), ("10.0.0.2:6380", 7));
    }
}
