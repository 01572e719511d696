//! `nineflags redis failover`: makes another Redis the primary without losing a write, one printed step after the other.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::care::Care;
use super::endpoint::At;
use super::error::StoreError;
use super::sentinel::Round;
use crate::config::{NoStore, StoreAt};

/// How long the primary holds writes back at first: at 2 s its sentinels would call it down.
const PAUSE: Duration = Duration::from_millis(1_900);
/// How long the replicas may take to have everything: the rest of the pause is for the failover to begin.
const MEET_WITHIN: Duration = Duration::from_millis(1_200);
/// How long writes are held back once the failover is ordered, when it does not matter that it is called down.
const PAUSE_ORDERED: Duration = Duration::from_secs(6);
/// How long the sentinels may take to carry it out.
const CARRY_OUT_WITHIN: Duration = Duration::from_secs(5);
/// How long the old primary may take to follow the new one.
const FOLLOW_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// Why it was not done, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum FailoverError {
    #[error("{0}")]
    Where(#[from] NoStore),
    #[error("there is no group {0}; there are: {1}")]
    NoGroup(String, String),
    #[error("{0} has no sentinels, who alone can make another Redis the primary; nothing was changed")]
    NoSentinels(String),
    #[error("{0}; nothing was changed")]
    Refused(String),
    #[error("{0}; nothing was changed")]
    Before(StoreError),
    #[error("{0}; look at it with: nineflags inspect redis")]
    Unfinished(String),
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// Steps, each printed with the time since the first.
struct Steps(Instant);

impl Steps {
    fn say(&self, words: &str) -> Result<(), FailoverError> {
        Ok(writeln!(std::io::stdout(), "{:6.3} s  {words}", self.0.elapsed().as_secs_f64())?)
    }
}

/// Makes another Redis the primary of a group, by its name.
pub async fn run(name: &str, at: &StoreAt) -> Result<(), FailoverError> {
    let groups = at.urls()?.groups();
    let group = groups.iter().find(|group| group.roles.iter().any(|role| role == name));
    let Some(group) = group else {
        let names: Vec<String> = groups.into_iter().flat_map(|group| group.roles).collect();
        return Err(FailoverError::NoGroup(name.to_owned(), names.join(", ")));
    };
    let care = Care::of(group).map_err(FailoverError::Before)?;
    let care = care.ok_or_else(|| FailoverError::NoSentinels(name.to_owned()))?;
    let steps = Steps(Instant::now());
    let round = care.survey().await;
    let newest = round.newest().map_err(FailoverError::Before)?;
    let (old, speaker) = (&newest.primary, &newest.sentinel);
    steps.say(&format!("the primary of {name} is {old}"))?;
    let fit = fit_replicas(&round)?;
    care.check_quorum(speaker).await.map_err(FailoverError::Before)?;
    let names: Vec<String> = fit.iter().map(ToString::to_string).collect();
    steps.say(&format!("may take its place: {}", names.join(", ")))?;

    old.pause(PAUSE).await.map_err(FailoverError::Before)?;
    let ordered = async {
        steps.say("it holds writes back")?;
        meet(old, &fit).await?;
        steps.say("they have all that it has")?;
        care.order_failover(speaker).await.map_err(FailoverError::Before)
    };
    if let Err(error) = ordered.await {
        // It would end by itself in a moment.
        let _ = old.go_on().await;
        return Err(error);
    }
    // However this ends, who is primary is for the sentinels to say now.
    let _ = old.pause(PAUSE_ORDERED).await;
    steps.say(&format!("the failover is ordered at the sentinel {speaker}"))?;
    let new = new_primary(&care, old).await;
    if let Ok(new) = &new {
        steps.say(&format!("{new} is the primary"))?;
        // What was held back is refused there, and sent again to the new one by whoever sent it.
        if let Err(error) = old.follow(new).await {
            steps.say(&format!("{old} was not told, and will be by its sentinels: {error}"))?;
        }
    }
    let _ = old.go_on().await;
    new?;
    let deadline = Instant::now() + FOLLOW_WITHIN;
    while !old.follows().await.unwrap_or(false) {
        if Instant::now() > deadline {
            return Err(FailoverError::Unfinished(format!("{old} does not follow the new primary yet")));
        }
        sleep(LOOK_EVERY).await;
    }
    steps.say(&format!("{old} follows it, and may be stopped"))
}

/// The replicas a sentinel may choose from; an error if there is none or if this is no time for it.
fn fit_replicas(round: &Round) -> Result<Vec<At>, FailoverError> {
    let refuse = |words: &str| Err(FailoverError::Refused(words.to_owned()));
    let newest = round.newest().map_err(FailoverError::Before)?;
    if !round.is_agreed() {
        return refuse("fewer than half of the sentinels name this primary");
    }
    if newest.has_flag("failover_in_progress") {
        return refuse("a failover is under way already");
    }
    if newest.is_down() {
        return refuse("the primary is down, and its sentinels look after that");
    }
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for replica in &newest.replicas {
        match replica.unfit() {
            None => fit.push(replica.at.clone()),
            Some(why) => unfit.push(format!("{}: {why}", replica.at)),
        }
    }
    if fit.is_empty() {
        let why = if unfit.is_empty() { "there is none".to_owned() } else { unfit.join("; ") };
        return refuse(&format!("no replica could take its place ({why})"));
    }
    Ok(fit)
}

/// Waits until all that may be chosen have everything that the primary has.
async fn meet(old: &At, fit: &[At]) -> Result<(), FailoverError> {
    let deadline = Instant::now() + MEET_WITHIN;
    let offset = old.offset().await.map_err(FailoverError::Before)?;
    for replica in fit {
        loop {
            let silent =
                |error| FailoverError::Refused(format!("{replica} does not say what it has: {error}"));
            let has = replica.offset().await.map_err(silent)?;
            if has >= offset {
                break;
            }
            if Instant::now() > deadline {
                let words =
                    format!("{replica} is {} bytes behind and does not catch up in time", offset - has);
                return Err(FailoverError::Refused(words));
            }
            sleep(LOOK_EVERY).await;
        }
    }
    // The pause must still hold while the failover begins.
    let late = FailoverError::Refused("the replicas did not answer in time".to_owned());
    if Instant::now() > deadline { Err(late) } else { Ok(()) }
}

/// Waits until the sentinels name another primary that says itself that it is one.
async fn new_primary(care: &Care, old: &At) -> Result<At, FailoverError> {
    let deadline = Instant::now() + CARRY_OUT_WITHIN;
    loop {
        if let Ok(newest) = care.survey().await.newest()
            && newest.primary != *old
            && newest.primary.is_primary().await.unwrap_or(false)
        {
            return Ok(newest.primary.clone());
        }
        if Instant::now() > deadline {
            let words = "the sentinels have not made another Redis the primary in time";
            return Err(FailoverError::Unfinished(words.to_owned()));
        }
        sleep(LOOK_EVERY).await;
    }
}
