//! What is done with a group by hand: a survey of its sentinels, a pause, a failover, and how patient sentinels are.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, FromRedisValue};
use tokio::time::timeout;

use super::condition::Info;
use super::error::StoreError;
use super::group::Group;
use super::place::{Place, Role, connect, info_of, role, shown};
use super::sentinel::{Sentinels, all_silent};
use crate::config::GroupAt;
use crate::redis_url::HostPort;

/// How long one Redis or sentinel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(900);
/// Flags of a Redis that a sentinel cannot make the primary.
const UNFIT: [&str; 3] = ["s_down", "o_down", "disconnected"];

type Fields = HashMap<String, String>;

/// A group with sentinels.
pub struct Care {
    sentinels: Sentinels,
}

/// What the sentinels say of a group.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The primary.
    pub primary: At,
    /// Its replicas, by the sentinel that speaks.
    pub replicas: Vec<Replica>,
    /// Whether that sentinel holds the primary to be down.
    pub is_down: bool,
    /// Whether a failover is under way.
    pub is_busy: bool,
    /// How long each sentinel that answers waits before it calls a Redis down, in milliseconds.
    pub patience: Vec<(At, u64)>,
    /// The sentinel whose words these are.
    pub speaker: At,
    /// Whether more than half of the sentinels name this primary.
    pub is_agreed: bool,
}

/// A replica as a sentinel knows it.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Where it is.
    pub at: At,
    /// Why it cannot be made the primary, in words.
    pub unfit: Option<String>,
}

/// Where a Redis or a sentinel is.
#[derive(Debug, Clone)]
pub struct At {
    info: ConnectionInfo,
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.info.addr() == other.info.addr()
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(self.info.addr()))
    }
}

impl Care {
    /// A group by its URL; nothing if no sentinels look after it.
    pub fn of(group: &GroupAt) -> Result<Option<Self>, StoreError> {
        Ok(match Place::named(&group.name, &group.url)? {
            Place::Watched(sentinels) => Some(Self { sentinels }),
            Place::Fixed(_) => None,
        })
    }

    /// The same for a group that is used.
    pub fn of_group(group: &Group) -> Option<Self> {
        group.sentinels().map(|sentinels| Self { sentinels: sentinels.clone() })
    }

    /// Asks all sentinels; the newest word counts.
    pub async fn survey(&self) -> Result<Survey, StoreError> {
        let asked = join_all(self.sentinels.hosts().iter().map(|host| self.ask(host))).await;
        let (mut answers, mut complaints) = (Vec::<Answer>::new(), Vec::new());
        for asked in asked {
            match asked {
                Ok(answer) => answers.push(answer),
                Err(complaint) => complaints.push(complaint),
            }
        }
        let newest = answers.iter().max_by_key(|answer| answer.number("config-epoch"));
        let newest = newest.ok_or_else(|| all_silent(complaints))?;
        let same = |answer: &&Answer| {
            answer.text("ip") == newest.text("ip") && answer.text("port") == newest.text("port")
        };
        let unclear = || StoreError::Corrupt("the answer of a sentinel".to_owned());
        let replicas = newest.replicas.iter().filter_map(|fields| self.replica(fields)).collect();
        Ok(Survey {
            primary: self.redis_at(&newest.primary).ok_or_else(unclear)?,
            replicas,
            is_down: newest.has_flag("s_down") || newest.has_flag("o_down"),
            is_busy: newest.has_flag("failover_in_progress"),
            patience: answers
                .iter()
                .map(|answer| (answer.sentinel.clone(), answer.number("down-after-milliseconds")))
                .collect(),
            speaker: newest.sentinel.clone(),
            is_agreed: self.sentinels.is_majority(answers.iter().filter(same).count()),
        })
    }

    async fn ask(&self, host: &ConnectionInfo) -> Result<Answer, StoreError> {
        let sentinel = At { info: host.clone() };
        let told = |what: &str| redis::cmd("SENTINEL").arg(what).arg(self.sentinels.name()).to_owned();
        let asked = async {
            let mut wire = sentinel.connect().await?;
            let primary: Fields = in_time(told("MASTER").query_async(&mut wire)).await?;
            let replicas: Vec<Fields> = in_time(told("REPLICAS").query_async(&mut wire)).await?;
            Ok((primary, replicas))
        };
        match asked.await {
            Ok((primary, replicas)) => Ok(Answer { sentinel, primary, replicas }),
            Err(error) => Err(self.sentinels.complaint(host, error)),
        }
    }

    fn redis_at(&self, fields: &Fields) -> Option<At> {
        let place = HostPort { host: fields.get("ip")?.clone(), port: fields.get("port")?.parse().ok()? };
        Some(At { info: info_of(place, self.sentinels.redis().clone()) })
    }

    fn replica(&self, fields: &Fields) -> Option<Replica> {
        let text = |name: &str| fields.get(name).map_or("", String::as_str);
        let flag = text("flags").split(',').find(|flag| UNFIT.contains(flag));
        let unfit = match flag {
            Some("disconnected") => Some("its sentinel has no connection to it".to_owned()),
            Some(_) => Some("it is down".to_owned()),
            None if text("master-link-status") != "ok" => Some("it does not follow the primary".to_owned()),
            None if text("slave-priority") == "0" => {
                Some("it has not caught up (replica-priority 0)".to_owned())
            }
            None => None,
        };
        Some(Replica { at: self.redis_at(fields)?, unfit })
    }

    /// Whether enough sentinels answer one another for a failover; an error says why not.
    pub async fn check_quorum(&self, survey: &Survey) -> Result<(), StoreError> {
        let check = redis::cmd("SENTINEL").arg("CKQUORUM").arg(self.sentinels.name()).to_owned();
        survey.speaker.ask::<String>(&check).await.map(drop)
    }

    /// Orders a failover at the sentinel that speaks.
    pub async fn order_failover(&self, survey: &Survey) -> Result<(), StoreError> {
        let order = redis::cmd("SENTINEL").arg("FAILOVER").arg(self.sentinels.name()).to_owned();
        survey.speaker.ask(&order).await
    }

    /// Has one sentinel wait for so many milliseconds before it calls a Redis of the group down.
    pub async fn set_patience(&self, sentinel: &At, ms: u64) -> Result<(), StoreError> {
        let set = redis::cmd("SENTINEL").arg("SET").arg(self.sentinels.name()).to_owned();
        sentinel.ask(set.clone().arg("down-after-milliseconds").arg(ms)).await
    }
}

/// What one sentinel says.
struct Answer {
    sentinel: At,
    primary: Fields,
    replicas: Vec<Fields>,
}

impl Answer {
    fn text(&self, name: &str) -> &str {
        self.primary.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    fn has_flag(&self, name: &str) -> bool {
        self.text("flags").split(',').any(|flag| flag == name)
    }
}

impl At {
    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        in_time(connect(&self.info)).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let mut wire = self.connect().await?;
        in_time(command.query_async(&mut wire)).await
    }

    /// Whether it says itself that it is a primary.
    pub async fn is_primary(&self) -> Result<bool, StoreError> {
        let mut wire = self.connect().await?;
        Ok(matches!(in_time(role(&mut wire)).await?, Role::Primary { .. }))
    }

    /// How much of the stream of changes it has, in bytes.
    pub async fn offset(&self) -> Result<u64, StoreError> {
        let info: String = self.ask(redis::cmd("INFO").arg("replication")).await?;
        Ok(Info::parse(&info).number("master_repl_offset"))
    }

    /// Whether it follows somebody and has caught up.
    pub async fn follows(&self) -> Result<bool, StoreError> {
        let info: String = self.ask(redis::cmd("INFO").arg("replication")).await?;
        Ok(Info::parse(&info).text("master_link_status") == "up")
    }

    /// Has it hold back all writes for so long, or until it is told otherwise.
    pub async fn pause(&self, time: Duration) -> Result<(), StoreError> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.ask(redis::cmd("CLIENT").arg("PAUSE").arg(ms).arg("WRITE")).await
    }

    /// Has it take writes again.
    pub async fn go_on(&self) -> Result<(), StoreError> {
        self.ask(redis::cmd("CLIENT").arg("UNPAUSE")).await
    }

    /// Makes it a replica of another.
    pub async fn follow(&self, primary: &At) -> Result<(), StoreError> {
        let redis::ConnectionAddr::Tcp(host, port) = primary.info.addr() else {
            return Err(StoreError::Unavailable("a sentinel names no host".to_owned()));
        };
        self.ask(redis::cmd("REPLICAOF").arg(host).arg(*port)).await
    }
}

async fn in_time<T, E>(exchange: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match timeout(ANSWER_WITHIN, exchange).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
    }
}
