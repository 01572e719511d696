//! One Redis group: its present primary, and the connection to it that exchanges share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{Cmd, FromRedisValue, Pipeline, RedisError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::away::Away;
use super::endpoint::At;
use super::error::{StoreError, no_answer};
use super::place::Place;
use super::primary::Primary;
use super::sentinel::{Replicas, Sentinels};
use super::slot::Slot;
use super::timeouts;
use super::url::RedisUrl;
use super::wire::{self, Role};
use crate::metrics;

#[derive(Clone)]
pub struct Group {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// What it is called: the first of its roles.
    name: String,
    pub(super) place: Place,
    pub(super) away: Away,
    present: Mutex<Present>,
    /// The generation of the present primary, for whoever waits for another.
    generation: watch::Sender<u64>,
    /// Something went wrong since the sentinels were asked.
    pub(super) doubtful: AtomicBool,
    /// Wakes whoever watches the sentinels.
    pub(super) look: Notify,
    /// One asks the sentinels, and the others use its answer.
    finding: Slot<Arc<Primary>>,
}

impl Shared {
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of the primary.
#[derive(Clone, Default)]
struct Present {
    /// Grows with each primary: connections of an older generation are not used.
    generation: u64,
    primary: Option<Arc<Primary>>,
    epoch: u64,
    /// Its replicas by the sentinels.
    replicas: Replicas,
}

impl Group {
    /// The data group at a URL; connects when first used.
    pub fn open(url: impl Into<RedisUrl>) -> Result<Self, StoreError> {
        Self::named("data", url)
    }

    /// A group of a name (the first of its roles) at a URL; connects when first used.
    pub fn named(name: &str, url: impl Into<RedisUrl>) -> Result<Self, StoreError> {
        let place = Place::named(name, &url.into())?;
        let group = Self {
            shared: Arc::new(Shared {
                name: name.to_owned(),
                place,
                away: Away::new(name),
                present: Mutex::default(),
                generation: watch::Sender::new(0),
                doubtful: AtomicBool::new(false),
                look: Notify::new(),
                finding: Slot::default(),
            }),
        };
        if let Place::Fixed { at, .. } = &group.shared.place {
            group.enter(at, 0, Replicas::default());
        }
        Ok(group)
    }

    /// What it is called: `data`, `backup-0`, `backup-1` … or `archive`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether another handle is one of the same group.
    pub fn is(&self, other: &Group) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether it does not answer lately. This is advice: nothing may be decided by it. It is noticed that a group is back
    /// only while it is watched.
    pub fn is_away(&self) -> bool {
        self.shared.away.is_away()
    }

    /// Makes it count as away until it is let go, whatever it answers.
    pub fn hold(&self, held: bool) {
        self.shared.away.hold(held);
    }

    /// Ends when it is away.
    pub async fn away(&self) {
        self.shared.away.until(true).await;
    }

    /// Ends when it is not away.
    pub async fn back(&self) {
        self.shared.away.until(false).await;
    }

    /// The present primary; the sentinels are asked if it is not known or in doubt.
    pub async fn primary(&self) -> Result<Arc<Primary>, StoreError> {
        if let Some(primary) = self.undoubted() {
            return Ok(primary);
        }
        let find = || {
            let group = self.clone();
            async move {
                let found = group.find().await;
                // Whoever comes from now on has another question.
                group.shared.finding.clear();
                found
            }
        };
        let found = timeout(timeouts::FIND, self.shared.finding.get(find)).await;
        let late = || StoreError::Unavailable("the sentinels do not answer".to_owned());
        let found = found.unwrap_or_else(|_| Err(late())).map(|(_, primary)| primary);
        found.inspect_err(|error| self.failed(error)).map_err(|error| error.at(self.name()))
    }

    fn undoubted(&self) -> Option<Arc<Primary>> {
        let doubtful = self.shared.doubtful.load(Ordering::Acquire);
        self.shared.present().primary.clone().filter(|_| !doubtful)
    }

    async fn find(&self) -> Result<Arc<Primary>, StoreError> {
        // Cleared before the question: what goes wrong from now on is a new doubt.
        self.shared.doubtful.store(false, Ordering::Release);
        let present = self.shared.present().clone();
        let Place::Watched(sentinels) = &self.shared.place else {
            return present.primary.ok_or_else(|| StoreError::Unavailable("no primary".to_owned()));
        };
        let round = sentinels.ask().await;
        let newest = match round.newest() {
            Ok(newest) => newest,
            // A primary works without its sentinels; whether it is one it is asked with each new connection.
            Err(error) => {
                return present.primary.ok_or_else(|| {
                    self.doubt();
                    error
                });
            }
        };
        let (at, epoch, replicas) = (&newest.primary, newest.epoch, round.replicas());
        let same = present.primary.filter(|primary| primary.at == *at);
        // A sentinel that was away tells of an older primary; only when most do were they all set up anew.
        let outdated = epoch < present.epoch && !round.is_agreed();
        match same {
            Some(primary) => {
                let mut present = self.shared.present();
                present.epoch = epoch.max(present.epoch);
                present.replicas = replicas;
                Ok(primary)
            }
            None if outdated => {
                self.doubt();
                Err(StoreError::Unavailable("the sentinels that answer know an old primary".to_owned()))
            }
            None => Ok(self.enter(at, epoch, replicas)),
        }
    }

    /// Makes a Redis the group's primary for this node.
    fn enter(&self, at: &At, epoch: u64, of: Replicas) -> Arc<Primary> {
        let newest = self.shared.generation.subscribe();
        let mut present = self.shared.present();
        let generation = present.generation + 1;
        let (line, saver) = (Slot::default(), Slot::default());
        let primary = Arc::new(Primary { generation, at: at.clone(), line, saver, newest });
        if let Some(before) = present.primary.replace(Arc::clone(&primary)) {
            let (group, from) = (self.name(), &before.at);
            tracing::warn!(group, %from, to = %at, epoch, "the primary is another");
        }
        *present = Present { generation, primary: present.primary.take(), epoch, replicas: of };
        self.shared.generation.send_replace(generation);
        primary
    }

    /// Uses a primary no longer; the next who needs one asks the sentinels.
    pub fn leave(&self, primary: &Primary, why: &str) {
        if let Place::Fixed { .. } = self.shared.place {
            return self.doubt();
        }
        let mut present = self.shared.present();
        if present.generation == primary.generation {
            tracing::warn!(group = self.name(), primary = %primary.at, why, "left a primary");
            present.generation += 1;
            present.primary = None;
            self.shared.generation.send_replace(present.generation);
        }
        drop(present);
        self.shared.look.notify_one();
    }

    /// Has the sentinels asked before the primary is used again.
    pub fn doubt(&self) {
        self.shared.doubtful.store(true, Ordering::Release);
        self.shared.look.notify_one();
    }

    /// What an error on a connection to a primary says about that primary, and about the group.
    pub fn weigh(&self, primary: &Primary, error: &StoreError) {
        self.note_away(primary, error);
        if let StoreError::NotPrimary(words) = error {
            self.leave(primary, words);
        } else if error.may_pass() {
            self.doubt();
        }
    }

    /// The sentinels that look after it, if any do.
    pub(super) fn sentinels(&self) -> Option<&Sentinels> {
        match &self.shared.place {
            Place::Watched(sentinels) => Some(sentinels),
            Place::Fixed { .. } => None,
        }
    }

    /// How many replicas the sentinels know, alive or not; none without sentinels.
    pub fn replicas_known(&self) -> u64 {
        self.shared.present().replicas.known
    }

    /// It could not be used at all, for this reason.
    fn failed(&self, why: &StoreError) {
        let words = why.clone().into_words();
        match why {
            StoreError::Unavailable(_) | StoreError::NoAnswer(_) => self.shared.away.unreachable(&words),
            _ => self.shared.away.failed(&words),
        }
        if let Some(primary) = &self.shared.present().primary {
            primary.discard_all();
        }
    }

    fn note_away(&self, primary: &Primary, error: &StoreError) {
        let away = &self.shared.away;
        match error {
            // What happens at a former primary is no news of the group.
            _ if self.shared.present().generation != primary.generation => {}
            StoreError::NotPrimary(words) | StoreError::NotNow(words) => away.failed(words),
            StoreError::NoAnswer(words) => away.was_late(words),
            // A connection was lost: whether another can be had tells more. No other error says that it is away.
            _ => {}
        }
    }

    /// Notes what an exchange says of the group.
    pub(super) fn note<T>(&self, primary: &Primary, result: &Result<T, StoreError>) {
        match result {
            Ok(_) => self.shared.away.answered(),
            Err(error) => {
                metrics::redis_error(self.name());
                self.weigh(primary, error);
            }
        }
    }

    /// How many replicas are alive by the sentinels, or known where few sentinels answer; none without sentinels.
    pub fn replicas(&self) -> u64 {
        self.shared.present().replicas.alive
    }

    /// A connection of its own to a primary, which says that it is one.
    pub async fn connect(&self, primary: &Primary) -> Result<MultiplexedConnection, StoreError> {
        let connected = primary.in_time(async {
            let mut connection = wire::connect(&primary.at).await?;
            let role = wire::role(&mut connection).await?;
            Ok::<_, StoreError>((connection, role))
        });
        let error = match connected.await {
            Ok((connection, Role::Primary { .. })) => return Ok(connection),
            Ok((_, Role::Sentinel)) => StoreError::Unusable(wire::IS_SENTINEL.to_owned()),
            Ok((_, Role::Other)) => StoreError::NotPrimary("it says that it is no primary".to_owned()),
            Err(error) => error,
        };
        if self.shared.present().generation == primary.generation {
            self.failed(&error);
        }
        self.weigh(primary, &error);
        Err(error.at(self.name()))
    }

    /// A connection to hear channels on.
    pub async fn subscriber(&self) -> Result<(PubSub, Arc<Primary>), StoreError> {
        let primary = self.primary().await?;
        // A replica passes publications on, but not for long when it is cut off: it is asked on a line of its own.
        self.connect(&primary).await?;
        let opened = primary.in_time(wire::connect_to_hear(&primary.at)).await;
        let opened = opened.inspect_err(|error| self.weigh(&primary, error))?;
        Ok((opened, primary))
    }

    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.exchange(async |mut wire| command.query_async(&mut wire).await).await
    }

    /// Runs several commands, or none, in one exchange.
    pub async fn pipe<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        if commands.is_empty() {
            return Ok(redis::from_redis_value(redis::Value::Array(Vec::new())).map_err(RedisError::from)?);
        }
        self.exchange(async |mut wire| commands.query_async(&mut wire).await).await
    }

    /// Asks the same about each of several, in one exchange.
    pub async fn each<I: IntoIterator, T: FromRedisValue>(
        &self,
        of: I,
        command: impl Fn(I::Item) -> Cmd,
    ) -> Result<Vec<T>, StoreError> {
        let mut commands = redis::pipe();
        for one in of {
            commands.add_command(command(one));
        }
        self.pipe(&commands).await
    }

    /// An error while it is known that it cannot be reached: whoever asks need not wait.
    pub fn reachable(&self) -> Result<(), StoreError> {
        match self.shared.away.is_silent() {
            Some(why) => Err(StoreError::Unavailable(why).at(self.name())),
            None => Ok(()),
        }
    }

    /// One exchange on a connection that others share: all of it, whatever has to be found out or opened first, ends in
    /// [`timeouts::COMMAND`].
    pub(super) async fn exchange<T>(
        &self,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> redis::RedisResult<T>,
    ) -> Result<T, StoreError> {
        self.reachable()?;
        let deadline = Instant::now() + timeouts::COMMAND;
        let opened = timeout_at(deadline, async {
            let primary = self.primary().await?;
            let line = primary.line.get(|| {
                let (group, primary) = (self.clone(), Arc::clone(&primary));
                async move { group.connect(&primary).await }
            });
            let (number, line) = line.await?;
            Ok::<_, StoreError>((primary, number, line))
        });
        // Whoever connects notes what came of it.
        let opened = opened.await.unwrap_or_else(|_| Err(no_answer().at(self.name())));
        let (primary, number, line) = opened.inspect_err(|_| metrics::redis_error(self.name()))?;
        let result = primary.until(deadline, ask(line)).await;
        self.note(&primary, &result);
        match &result {
            Err(StoreError::Unavailable(_)) => primary.discard_all(),
            // Those who share it find out for themselves. One that only takes no writes now has answered.
            Err(StoreError::NoAnswer(_) | StoreError::NotPrimary(_)) => primary.line.discard(number),
            _ => {}
        }
        result.map_err(|error| error.at(self.name()))
    }
}
