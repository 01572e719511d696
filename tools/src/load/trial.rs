//! The trial at the end of a run: every table that was started is looked for in the archive, and judged.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use nineflags::ids::TableId;
use tokio::time::{Instant, sleep};

use super::dial;
use super::judge::{Archived, Verdict, check_sittings, judge};
use super::memory::Witness;
use super::report::Report;
use super::stage::Stage;

/// Games judged at once.
const AT_ONCE: usize = 4;
/// How long the archive is waited for.
const ARCHIVE_PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Judges all tables, and writes down what came of it.
pub async fn hold(stage: &Stage, report: &mut Report, tell: &impl Fn(&str)) {
    let tables = stage.hearing();
    let all = tables.len();
    let deadline = Instant::now() + ARCHIVE_PATIENCE;
    let trials = tables
        .into_iter()
        .map(|(table, witnesses)| async move { one(stage, table, witnesses, deadline).await });
    let mut trials = stream::iter(trials).buffer_unordered(AT_ONCE);
    let mut sittings = Vec::with_capacity(all * 2);
    let mut judged = 0;
    let mut told = Instant::now();
    while let Some(outcome) = trials.next().await {
        judged += 1;
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            tell(&format!("{judged} of {all} games judged"));
        }
        match outcome {
            Ok((archived, verdict)) => {
                report.games_archived += 1;
                report.records += archived.game.entries.len() as u64;
                report.views_compared += verdict.compared;
                report.views_not_compared += verdict.not_compared;
                report.went_back += verdict.went_back;
                report.taken_back += verdict.taken_back;
                report.accepted_back += verdict.accepted_back;
                report.unsaved_back += verdict.unsaved_back;
                report.lost += verdict.lost.len() as u64;
                report.violations.extend(verdict.violations);
                sittings.extend(archived.sittings());
            }
            Err(words) => report.violations.extend(words),
        }
    }
    // A clock that was wrong would make two games look like one time. The bots say by themselves where they sit.
    let all = sittings.len();
    sittings.retain(|sitting| stage.history.trusts(sitting.started_ms, sitting.ended_ms));
    report.sittings_not_timed = (all - sittings.len()) as u64;
    report.violations.extend(check_sittings(sittings));
}

async fn one(
    stage: &Stage,
    table: TableId,
    witnesses: Vec<Witness>,
    deadline: Instant,
) -> Result<(Archived, Verdict), Vec<String>> {
    let text = match fetch(stage, table, deadline).await {
        Ok(text) => text,
        // What its bots saw is told all the same.
        Err(words) => return Err(witnesses.iter().flat_map(Witness::complaints).chain([words]).collect()),
    };
    let judging = tokio::task::spawn_blocking(move || {
        let archived = Archived::read(&text).map_err(|error| format!("table {table}: {error}"))?;
        if archived.game.table != table {
            return Err(format!("table {table}: the archive gives {} instead", archived.game.table));
        }
        let verdict = judge(&archived, &witnesses);
        Ok((archived, verdict))
    });
    let judged = judging.await.map_err(|error| format!("table {table} could not be judged: {error}"));
    judged.flatten().map_err(|words| vec![words])
}

async fn fetch(stage: &Stage, table: TableId, deadline: Instant) -> Result<String, String> {
    let path = format!("/api/game/{table}");
    loop {
        let trouble = match dial::exchange(stage.target(), None, &path, None).await {
            Ok(reply) if reply.status == 200 => return Ok(reply.body),
            Ok(reply) => format!("{} {}", reply.status, reply.body),
            Err(error) => error,
        };
        if Instant::now() > deadline {
            return Err(format!("table {table} is not in the archive: {trouble}"));
        }
        sleep(LOOK_EVERY).await;
    }
}
