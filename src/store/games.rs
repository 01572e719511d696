//! The backup of live games: records are appended through one connection, accepted one by one and durable in batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::lobby::live_sessions;
use super::{Store, keys};
use crate::host::{Compared, Mover};
use crate::ids::{NodeId, TableId};
use crate::redis::error::{StoreError, no_answer};
use crate::redis::group::Group;
use crate::redis::primary::{OnSaved, Primary, Saver};
use crate::redis::script::{script, texts};
use crate::redis::timeouts;
use crate::rules::seat::BySeat;
use crate::table::copy::{Answer, Proposal};
use crate::table::record::{Entry, Salt, Tip};

/// Appends that may wait for the connection.
const QUEUE: usize = 4_096;
/// Appends sent in one batch, at most.
const BATCH: usize = 256;
/// Pause before a lost connection is opened again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// How long an append may take in all, the queue included.
const APPEND_TIMEOUT: Duration = timeouts::COMMAND;
/// A stream is kept for so long after its game was put away, for whoever is late.
const DROP_AFTER_SECS: u64 = 300;

script!(APPEND, "game_append");
script!(LET_GO, "game_let_go");

/// Handle of the task that appends to one backup group; cheap to clone.
#[derive(Clone)]
pub struct Appender {
    jobs: mpsc::Sender<Job>,
    group: Group,
    /// The data group, where that is another: it is asked whether the mover's session is the live one.
    data: Option<Group>,
}

struct Job {
    table: TableId,
    proposal: Proposal,
    mover: Option<Mover>,
    accepted: oneshot::Sender<Result<Answer, StoreError>>,
    saved: OnSaved,
}

impl Appender {
    /// The handle of a node for a backup group, with the data group of the same store, and the task to spawn; it ends when
    /// the last handle is dropped.
    pub fn open(group: &Group, data: &Group, node: NodeId) -> (Self, impl Future<Output = ()> + use<>) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let data = Some(data).filter(|data| !data.is(group)).cloned();
        let work = Work { group: group.clone(), node: node.to_string(), queue, line: None };
        (Self { jobs, group: group.clone(), data }, work.run())
    }

    /// Appends a proposal, of a mover or (with none) of the node itself; `saved` is called once every attached replica
    /// has it. After an error the fate of the records is unknown, and the same proposal may be sent again.
    pub async fn append(
        &self,
        table: TableId,
        proposal: &Proposal,
        mover: Option<Mover>,
        saved: OnSaved,
    ) -> Result<Answer, StoreError> {
        self.group.reachable()?;
        let mut mover = mover;
        if let Some(data) = &self.data
            && let Some(asks) = mover.take()
            && !is_live(data, asks).await
        {
            return Ok(Answer::NotLive);
        }
        let (accepted, answer) = oneshot::channel();
        let job = Job { table, proposal: proposal.clone(), mover, accepted, saved };
        let late = || StoreError::Unavailable("the append was not answered in time".to_owned());
        let exchange = async {
            self.jobs.send(job).await.map_err(|_| late())?;
            answer.await.map_err(|_| late())?
        };
        timeout(APPEND_TIMEOUT, exchange).await.map_err(|_| late())?
    }
}

/// Whether a session is the live one of its account. Where the shard is a group of its own this is asked before the
/// append. While the data group is away nobody can have taken over, and the seat's node knows its session.
async fn is_live(data: &Group, mover: Mover) -> bool {
    if data.is_away() {
        return true;
    }
    let accounts = [mover.account];
    let asked = tokio::select! {
        asked = timeout(timeouts::SESSION, live_sessions(data, &accounts)) => asked,
        () = data.away() => return true,
    };
    match asked {
        Ok(Ok(live)) => live == [Some(mover.session)],
        Ok(Err(error)) => {
            tracing::debug!(%error, "a record is appended without asking whose session is the live one");
            true
        }
        Err(_) => true,
    }
}

struct Work {
    group: Group,
    /// Whose publications tell of the records.
    node: String,
    queue: mpsc::Receiver<Job>,
    line: Option<Line>,
}

/// Two connections to one primary, opened together: nothing appended through an older line is ever called saved here.
struct Line {
    primary: Arc<Primary>,
    connection: MultiplexedConnection,
    /// Also where no replica follows now: one may come.
    saver: Saver,
}

impl Work {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut jobs = std::mem::take(&mut batch);
            // Whoever has given up does not want it any more.
            jobs.retain(|job| !job.accepted.is_closed());
            if !jobs.is_empty()
                && let Err(why) = self.append_all(jobs).await
            {
                tracing::warn!(group = self.group.name(), %why, "the appending connection was lost");
                sleep(RECONNECT_PAUSE).await;
            }
        }
    }

    /// One batch: all appends in one exchange; whoever appended is told later, by the saver, that it is saved. An answer that
    /// is an error concerns its own job only; an error here means that the connection is lost.
    async fn append_all(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let deadline = Instant::now() + timeouts::COMMAND;
        let connected = timeout_at(deadline, self.connected()).await;
        let line = match connected.unwrap_or_else(|_| Err(no_answer())) {
            Ok(line) => line,
            Err(error) => return Err(give_up(jobs, error)),
        };
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for job in &jobs {
            add_append(&mut pipeline, job, &self.node);
        }
        let answers = match line.append(&pipeline, deadline).await {
            Ok(answers) => answers,
            Err(error) => {
                self.group.weigh(&line.primary, &error);
                return Err(give_up(jobs, error));
            }
        };
        let mut appended: Vec<(OnSaved, u32)> = Vec::with_capacity(jobs.len());
        for (job, value) in jobs.into_iter().zip(answers) {
            let answer = value.map_err(StoreError::from).and_then(parse_answer);
            if let Ok(Answer::Appended { .. } | Answer::Already { .. }) = answer {
                let count = u32::try_from(job.proposal.entries.len()).unwrap_or(0);
                appended.push((job.saved, job.proposal.at.number + count));
            }
            if let Err(error) = &answer {
                self.group.weigh(&line.primary, error);
                tracing::warn!(table = %job.table, %error, "a record was not appended");
            }
            // Whoever asked may have given up.
            let _ = job.accepted.send(answer);
        }
        line.saver.settle(appended, timeouts::DURABLE);
        self.line = Some(line);
        Ok(())
    }

    /// The line to the present primary, taken out until the batch has gone well.
    async fn connected(&mut self) -> Result<Line, StoreError> {
        let primary = self.group.primary().await?;
        match self.line.take() {
            Some(line) if Arc::ptr_eq(&line.primary, &primary) && !line.saver.is_gone() => Ok(line),
            _ => Line::open(&self.group, primary).await,
        }
    }
}

impl Line {
    async fn open(group: &Group, primary: Arc<Primary>) -> Result<Self, StoreError> {
        let mut connection = group.connect(&primary).await?;
        let loaded = primary.in_time(APPEND.load_async(&mut connection)).await;
        loaded.inspect_err(|error| group.weigh(&primary, error))?;
        let saver = group.saver(&primary).await?;
        Ok(Self { primary, connection, saver })
    }

    /// Sends appends in one exchange, and gives the answer to each.
    async fn append(
        &self,
        pipeline: &redis::Pipeline,
        deadline: Instant,
    ) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let mut connection = self.connection.clone();
        let exchange = async {
            let answers: Vec<RedisResult<Value>> = pipeline.query_async(&mut connection).await?;
            if !answers.iter().any(is_unloaded) {
                return Ok(answers);
            }
            // Somebody flushed the scripts. Appending once more what was appended changes nothing.
            APPEND.load_async(&mut connection).await?;
            pipeline.query_async(&mut connection).await
        };
        self.primary.until(deadline, exchange).await
    }
}

/// The number of the first record that a publication tells of, if this node has appended them.
pub fn records_by(node: NodeId, publication: &str) -> Option<u32> {
    let own = publication.strip_prefix(r#"{"kind":"records","node":""#)?;
    let mut text = [0; 36];
    let from =
        own.strip_prefix(&*node.0.hyphenated().encode_lower(&mut text))?.strip_prefix(r#"","from":"#)?;
    from.split_once(',')?.0.parse().ok()
}

/// Whether Redis does not know the script.
fn is_unloaded(answer: &RedisResult<Value>) -> bool {
    let kind = answer.as_ref().err().map(redis::RedisError::kind);
    kind == Some(ErrorKind::Server(ServerErrorKind::NoScript))
}

/// Tells all who wait that the fate of their records is unknown.
fn give_up(jobs: Vec<Job>, error: StoreError) -> StoreError {
    let words = error.to_string();
    for job in jobs {
        // Whoever asked may have given up.
        let _ = job.accepted.send(Err(StoreError::Unavailable(words.clone())));
    }
    error
}

fn add_append(pipeline: &mut redis::Pipeline, job: &Job, node: &str) {
    let Proposal { at, entries } = &job.proposal;
    let request = entries.first().map_or("", |entry| entry.request.as_str());
    let call =
        pipeline.cmd("EVALSHA").arg(APPEND.get_hash()).arg(2).arg(keys::game(job.table)).arg(keys::ONLINE);
    call.arg(keys::table(job.table)).arg(at.number).arg(at.hash.to_string()).arg(request);
    let (account, session) = match job.mover {
        Some(Mover { account, session }) => (account.to_string(), session.to_string()),
        None => Default::default(),
    };
    call.arg(account).arg(session).arg(node);
    for entry in entries {
        call.arg(entry.hash.to_string()).arg(entry.request.as_str()).arg(entry.seat.to_string());
        call.arg(entry.record.to_string()).arg(entry.time_ms);
        call.arg(entry.salt.map(String::from).unwrap_or_default());
    }
}

fn parse_answer(value: Value) -> Result<Answer, StoreError> {
    let corrupt = || StoreError::Corrupt("an answer of the append script".to_owned());
    let Value::Array(parts) = value else { return Err(corrupt()) };
    let mut parts = parts.into_iter();
    let word: String = text(parts.next())?;
    Ok(match word.as_str() {
        "appended" => Answer::Appended { time_ms: text(parts.next())?.parse().map_err(|_| corrupt())? },
        "already" => Answer::Already { missing: parse_entries(parts.next().ok_or_else(corrupt)?)? },
        "conflict" => Answer::Conflict { missing: parse_entries(parts.next().ok_or_else(corrupt)?)? },
        "behind" => {
            let number: u32 =
                redis::from_redis_value(parts.next().ok_or_else(corrupt)?).map_err(|_| corrupt())?;
            Answer::Behind { tip: Tip { number, hash: text(parts.next())?.parse()? } }
        }
        "diverged" => Answer::Diverged,
        "not_live" => Answer::NotLive,
        _ => return Err(corrupt()),
    })
}

fn text(value: Option<Value>) -> Result<String, StoreError> {
    let value = value.ok_or_else(|| StoreError::Corrupt("a part is missing".to_owned()))?;
    String::from_redis_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Stream entries as records.
fn parse_entries(value: Value) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<(String, HashMap<String, String>)> =
        Vec::from_redis_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    rows.into_iter().map(|(_, fields)| parse_entry(&fields)).collect()
}

fn parse_entry(fields: &HashMap<String, String>) -> Result<Entry, StoreError> {
    let field = |name: &str| {
        fields.get(name).ok_or_else(|| StoreError::Corrupt(format!("a record without its {name}")))
    };
    Ok(Entry {
        hash: field("hash")?.parse()?,
        request: field("request")?.parse()?,
        seat: field("seat")?.parse()?,
        record: field("record")?.parse()?,
        time_ms: field("time_ms")?.parse().map_err(|_| StoreError::Corrupt("a time".to_owned()))?,
        salt: fields.get("salt").map(|salt| Salt::try_from(salt.clone())).transpose()?,
    })
}

/// The tip of a stream by its last entry, if it has one.
fn tip_of(last: Value) -> Result<Tip, StoreError> {
    let corrupt = |why: &str| StoreError::Corrupt(format!("the last record of a stream: {why}"));
    let rows: Vec<(String, HashMap<String, String>)> =
        redis::from_redis_value(last).map_err(|error| corrupt(&error.to_string()))?;
    let Some((id, fields)) = rows.first() else { return Ok(Tip::default()) };
    let number = id.split('-').next().and_then(|number| number.parse::<u32>().ok());
    let number = number.ok_or_else(|| corrupt("its id"))?;
    let hash = fields.get("hash").map(|hash| hash.parse()).transpose()?.unwrap_or_default();
    Ok(Tip { number: number + 1, hash })
}

/// Since when each seat's player is away, as `table:{id}` holds it; none where there is no such table.
fn away_of(value: Value) -> Result<Option<BySeat<Option<u64>>>, StoreError> {
    let (account, first, second): (Option<String>, _, _) =
        redis::from_redis_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(account.map(|_| BySeat { first, second }))
}

/// A part of what is compared: none also where what the store holds cannot be understood.
fn known<T>(table: TableId, part: Option<Result<T, StoreError>>) -> Result<Option<T>, StoreError> {
    match part.transpose() {
        Err(error) if !error.may_pass() => {
            tracing::debug!(%table, %error, "a table cannot be compared");
            Ok(None)
        }
        part => part,
    }
}

/// How many a node says watch there: none where it says nothing.
fn count_of(value: Value) -> Result<u32, StoreError> {
    let count = Option::<u32>::from_redis_value(value);
    Ok(count.map_err(|error| StoreError::Corrupt(error.to_string()))?.unwrap_or(0))
}

impl Store {
    /// All records of a game in the backup.
    pub async fn game_read(&self, shard: usize, table: TableId) -> Result<Vec<Entry>, StoreError> {
        parse_entries(
            self.backup(shard).query(redis::cmd("XRANGE").arg(keys::game(table)).arg("-").arg("+")).await?,
        )
    }

    /// What one group holds of tables, in one exchange: how far those streams are that are there, and, if it is the data
    /// group, who is away. With each table comes its shard.
    pub async fn tables_compare(
        &self,
        group: &Group,
        node: NodeId,
        tables: &[(TableId, usize)],
    ) -> Result<Vec<Compared>, StoreError> {
        let has_stream = |shard: usize| self.backup(shard).is(group);
        let mut commands = redis::pipe();
        for (table, shard) in tables {
            if has_stream(*shard) {
                commands.cmd("XREVRANGE").arg(keys::game(*table)).arg("+").arg("-").arg("COUNT").arg(1);
            }
            if group.is(self.data()) {
                let seats = ["first", "away_first", "away_second"];
                commands.cmd("HMGET").arg(keys::table(*table)).arg(&seats);
                commands.hget(keys::watchers(*table), node.to_string());
            }
        }
        commands.ignore_errors();
        let answers: Vec<RedisResult<Value>> = group.pipe(&commands).await?;
        let mut answers = answers.into_iter();
        let mut next = || match answers.next() {
            Some(answer) => answer.map_err(StoreError::from),
            None => Err(StoreError::Corrupt("an answer is missing".to_owned())),
        };
        let compared = tables.iter().map(|(table, shard)| {
            let tip = has_stream(*shard).then(|| next().and_then(tip_of));
            let away = group.is(self.data()).then(|| next().and_then(away_of));
            let bench = group.is(self.data()).then(|| next().and_then(count_of));
            // What cannot be read concerns this table only.
            let away = known(*table, away)?;
            let read = Compared {
                tip: known(*table, tip)?,
                is_gone: away == Some(None),
                away_since_ms: away.flatten(),
                bench: known(*table, bench)?,
            };
            Ok(read)
        });
        compared.collect()
    }

    /// Lets the backup of a game that was put away at a tip go after a while, for whoever is late; not one that goes on.
    pub async fn game_drop_later(&self, shard: usize, table: TableId, tip: &Tip) -> Result<(), StoreError> {
        let args = texts![tip.number, tip.hash, DROP_AFTER_SECS];
        self.backup(shard).invoke::<u8>(&LET_GO, &[keys::game(table)], &args).await.map(drop)
    }

    /// Keeps the backup of a game that goes on, though it was to be dropped.
    pub async fn game_keep(&self, shard: usize, table: TableId) -> Result<(), StoreError> {
        self.backup(shard).query(redis::cmd("PERSIST").arg(keys::game(table))).await
    }
}
