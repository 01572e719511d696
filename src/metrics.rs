//! Every metric of a node, one page: what it is called, what it means, and the one short line that moves it.

pub mod words;

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use crate::protocol::{CloseCode, RefusalCode};

/// How often measured times are put into their buckets, so that they take no room until the page is read.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Upper ends of the buckets of times, in seconds: from a local append to what a person calls broken.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows while the node runs.
    Counter,
    /// A number as it is now.
    Gauge,
    /// Measured times, in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, help }
}

const SESSIONS: &str = "nineflags_sessions";
const COPIES: &str = "nineflags_copies";
const LOBBY_PLAYERS: &str = "nineflags_lobby_players";
const LOBBY_TABLES: &str = "nineflags_lobby_tables";
const UNSAVED: &str = "nineflags_records_unsaved";
const READY: &str = "nineflags_ready";
const BUS_UP: &str = "nineflags_bus_up";
const REQUESTS: &str = "nineflags_requests_total";
const REFUSALS: &str = "nineflags_refusals_total";
const REQUEST_SECONDS: &str = "nineflags_request_seconds";
const RECORDS: &str = "nineflags_records_total";
const APPEND_SECONDS: &str = "nineflags_append_seconds";
const DELIVERY_SECONDS: &str = "nineflags_delivery_seconds";
const CLOSES: &str = "nineflags_outbox_closes_total";
const RECONNECTS: &str = "nineflags_reconnects_asked_total";
const REDIS_ERRORS: &str = "nineflags_redis_errors_total";
const REDIS_WRITABLE: &str = "nineflags_redis_writable";
const REDIS_REPLICAS: &str = "nineflags_redis_replicas";
const REDIS_EXPECTED: &str = "nineflags_redis_replicas_expected";
const REDIS_HELPED: &str = "nineflags_redis_sentinels_helped_total";
const REDIS_AWAY: &str = "nineflags_redis_away";
const NEAR_READS: &str = "nineflags_near_reads_total";
const HEALS: &str = "nineflags_heals_total";
const HEALED: &str = "nineflags_records_healed_total";
const WENT_BACK: &str = "nineflags_went_back_total";
const ROLLED_BACK: &str = "nineflags_records_rolled_back_total";
const GIVEN_BACK: &str = "nineflags_records_given_back_total";
const PLAYED_ON: &str = "nineflags_played_on_total";
const RELOADS: &str = "nineflags_reloads_total";
const TIPS_UNKNOWN: &str = "nineflags_tips_unknown_total";
const TABLE_WAKES: &str = "nineflags_table_wakes_total";
const REAPED: &str = "nineflags_reaped_nodes_total";
const REAPED_PLAYERS: &str = "nineflags_reaped_players_total";
const KEEPER_PANICS: &str = "nineflags_keeper_panics_total";
const PRESENCE: &str = "nineflags_presence_repaired_total";
const LEASE_LATE: &str = "nineflags_lease_late_total";
const DEADLINES: &str = "nineflags_deadlines_taken_total";
const STORED: &str = "nineflags_stored";
const LIMITED: &str = "nineflags_limited_total";
const WAITING: &str = "nineflags_connections_waiting";
const UNREAD_FORWARDED: &str = "nineflags_forwarded_unread_total";

/// All of them.
pub const ALL: &[Metric] = &[
    metric(Kind::Gauge, SESSIONS, Unit::Count, &[], "Websockets open here."),
    metric(Kind::Gauge, COPIES, Unit::Count, &[], "Live copies of tables held here."),
    metric(Kind::Gauge, LOBBY_PLAYERS, Unit::Count, &[], "Players online on all nodes, as mirrored here."),
    metric(Kind::Gauge, LOBBY_TABLES, Unit::Count, &[], "Live tables on all nodes, as mirrored here."),
    metric(
        Kind::Gauge,
        UNSAVED,
        Unit::Count,
        &[],
        "Records sent from here that no node knows to be saved yet.",
    ),
    metric(Kind::Gauge, READY, Unit::Count, &[], "1 while /readyz says ready."),
    metric(Kind::Gauge, BUS_UP, Unit::Count, &[], "1 while the node hears its channels."),
    metric(Kind::Counter, REQUESTS, Unit::Count, &["kind", "result"], "Requests over websockets, answered."),
    metric(Kind::Counter, REFUSALS, Unit::Count, &["code"], "Requests refused, by the code of the refusal."),
    metric(Kind::Histogram, REQUEST_SECONDS, Unit::Seconds, &[], "From a request read to its answer queued."),
    metric(Kind::Counter, RECORDS, Unit::Count, &[], "Records that were accepted from this node."),
    metric(Kind::Histogram, APPEND_SECONDS, Unit::Seconds, &[], "From an append called to its answer."),
    metric(
        Kind::Histogram,
        DELIVERY_SECONDS,
        Unit::Seconds,
        &[],
        "From an append called to its publication heard.",
    ),
    metric(Kind::Counter, CLOSES, Unit::Count, &["code"], "Websockets closed by the node, by why."),
    metric(Kind::Counter, RECONNECTS, Unit::Count, &[], "Browsers asked to reconnect, to any node."),
    metric(Kind::Counter, REDIS_ERRORS, Unit::Count, &["group"], "Exchanges with a Redis group that failed."),
    metric(Kind::Gauge, REDIS_WRITABLE, Unit::Count, &["group"], "1 while a Redis group takes writes."),
    metric(Kind::Gauge, REDIS_REPLICAS, Unit::Count, &["group"], "Replicas that follow a group's primary."),
    metric(
        Kind::Gauge,
        REDIS_EXPECTED,
        Unit::Count,
        &["group"],
        "Replicas of a group that its sentinels know, alive or not.",
    ),
    metric(
        Kind::Counter,
        REDIS_HELPED,
        Unit::Count,
        &["group"],
        "Times the sentinels of a group were helped out of a failover that never came.",
    ),
    metric(
        Kind::Gauge,
        REDIS_AWAY,
        Unit::Count,
        &["group"],
        "1 while a Redis group does not answer this node.",
    ),
    metric(
        Kind::Counter,
        NEAR_READS,
        Unit::Count,
        &["result"],
        "Finished games asked of the near Redis: found, or missed and asked of the archive itself.",
    ),
    metric(Kind::Counter, HEALS, Unit::Count, &[], "Times a stream was given back what it had lost."),
    metric(Kind::Counter, HEALED, Unit::Count, &[], "Records given back to streams that had lost them."),
    metric(
        Kind::Counter,
        WENT_BACK,
        Unit::Count,
        &[],
        "Times a game shown here went back, which its players are told.",
    ),
    metric(
        Kind::Counter,
        TIPS_UNKNOWN,
        Unit::Count,
        &[],
        "Tips that players told and nobody has, without a proof: records were lost, or a tip was made up.",
    ),
    metric(
        Kind::Counter,
        ROLLED_BACK,
        Unit::Count,
        &[],
        "Records shown here that were undone, since others came first.",
    ),
    metric(
        Kind::Counter,
        GIVEN_BACK,
        Unit::Count,
        &[],
        "Records that only a browser still had, taken back from it.",
    ),
    metric(
        Kind::Counter,
        PLAYED_ON,
        Unit::Count,
        &[],
        "Times a table here played on while its backup was away.",
    ),
    metric(
        Kind::Counter,
        RELOADS,
        Unit::Count,
        &["what"],
        "Times all was read again, since something was missed.",
    ),
    metric(
        Kind::Counter,
        TABLE_WAKES,
        Unit::Count,
        &[],
        "Times a table here was woken by time, not by a message; an idle one is not.",
    ),
    metric(Kind::Counter, REAPED, Unit::Count, &[], "Dead nodes cleaned up after."),
    metric(
        Kind::Counter,
        REAPED_PLAYERS,
        Unit::Count,
        &[],
        "Players taken out of the lobby since their node died or ended.",
    ),
    metric(
        Kind::Counter,
        KEEPER_PANICS,
        Unit::Count,
        &[],
        "Tables here that broke down: their browsers were sent away to come again.",
    ),
    metric(
        Kind::Counter,
        PRESENCE,
        Unit::Count,
        &[],
        "Times what Redis held of a player was not what this node has, and was set right.",
    ),
    metric(
        Kind::Counter,
        LEASE_LATE,
        Unit::Count,
        &[],
        "Times this node's lease was renewed more than 1.5 s after the time before.",
    ),
    metric(Kind::Counter, DEADLINES, Unit::Count, &[], "Deadlines of tables taken by this node."),
    metric(
        Kind::Gauge,
        WAITING,
        Unit::Count,
        &[],
        "Connections here that are not websockets with a welcome yet.",
    ),
    metric(
        Kind::Counter,
        UNREAD_FORWARDED,
        Unit::Count,
        &[],
        "Requests whose balancer did not say in a readable form for whom it asks.",
    ),
    metric(
        Kind::Gauge,
        STORED,
        Unit::Count,
        &["group", "kind"],
        "What a Redis group holds of each kind, as one of the nodes counts it; 0 at all others.",
    ),
    metric(Kind::Counter, LIMITED, Unit::Count, &["limit"], "What limits refused, by the limit's name."),
];

/// What is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Everything: the data group's bus has a new connection.
    All,
    /// The tables of a shard: its bus has a new connection.
    Shard,
    /// The lobby: a change is missing.
    Lobby,
    /// One table: its inbox was full.
    Table,
}

/// What is counted when the page is read.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Websockets.
    pub sessions: usize,
    /// Live copies.
    pub copies: usize,
    /// Players and tables of the lobby.
    pub lobby: (usize, usize),
    /// Records not known to be saved.
    pub unsaved: u64,
}

/// The page of metrics; made, with all that has no label at 0, when it is first asked for.
pub fn page() -> &'static PrometheusHandle {
    static PAGE: OnceLock<PrometheusHandle> = OnceLock::new();
    PAGE.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.expect("there are buckets").build_recorder();
        let handle = recorder.handle();
        // Another recorder would have been set by a program around this one, which then has the numbers.
        let _ = metrics::set_global_recorder(recorder);
        for metric in ALL {
            describe(*metric);
        }
        handle
    })
}

fn describe(Metric { name, kind, unit, labels, help }: Metric) {
    match kind {
        Kind::Counter => metrics::describe_counter!(name, unit, help),
        Kind::Gauge => metrics::describe_gauge!(name, unit, help),
        Kind::Histogram => metrics::describe_histogram!(name, unit, help),
    }
    if labels.is_empty() {
        match kind {
            Kind::Counter => counter!(name).increment(0),
            Kind::Gauge => gauge!(name).set(0.0),
            Kind::Histogram => drop(histogram!(name)),
        }
    }
}

/// The page as text, with what is only counted when it is read.
pub fn render(sizes: Sizes) -> String {
    gauge!(SESSIONS).set(float(sizes.sessions as u64));
    gauge!(COPIES).set(float(sizes.copies as u64));
    gauge!(LOBBY_PLAYERS).set(float(sizes.lobby.0 as u64));
    gauge!(LOBBY_TABLES).set(float(sizes.lobby.1 as u64));
    gauge!(UNSAVED).set(float(sizes.unsaved));
    page().render()
}

/// So many connections are not websockets with a welcome yet.
pub fn connections_waiting(connections: usize) {
    gauge!(WAITING).set(float(connections as u64));
}

/// A balancer did not say in a readable form for whom it asks.
pub fn forwarded_unread() {
    counter!(UNREAD_FORWARDED).increment(1);
}

/// How much a Redis group holds of a kind.
pub fn stored(group: &str, kind: &str, count: u64) {
    gauge!(STORED, "group" => group.to_owned(), "kind" => kind.to_owned()).set(float(count));
}

/// How often each limit has refused something.
pub fn limited(refusals: impl Iterator<Item = (&'static str, u64)>) {
    for (limit, count) in refusals {
        counter!(LIMITED, "limit" => limit).absolute(count);
    }
}

/// Whether the node can serve.
pub fn ready(ready: bool) {
    gauge!(READY).set(f64::from(u8::from(ready)));
}

/// Whether the node hears its channels.
pub fn bus(bus_up: bool) {
    gauge!(BUS_UP).set(f64::from(u8::from(bus_up)));
}

/// A request was answered after so long.
pub fn request(kind: &'static str, refused: Option<RefusalCode>, took: Duration) {
    let result = if refused.is_some() { "refused" } else { "done" };
    counter!(REQUESTS, "kind" => kind, "result" => result).increment(1);
    histogram!(REQUEST_SECONDS).record(took);
    if let Some(code) = refused {
        counter!(REFUSALS, "code" => word_of(&code)).increment(1);
    }
}

/// An append was answered after so long, and so many records were accepted.
pub fn append(accepted: usize, took: Duration) {
    counter!(RECORDS).increment(accepted as u64);
    histogram!(APPEND_SECONDS).record(took);
}

/// The publication of a record appended here was heard so long after the append was called.
pub fn delivery(took: Duration) {
    histogram!(DELIVERY_SECONDS).record(took);
}

/// A websocket is closed by the node.
pub fn closed(code: CloseCode) {
    counter!(CLOSES, "code" => close_word(code)).increment(1);
}

/// So many browsers were asked to reconnect.
pub fn reconnects_asked(browsers: usize) {
    counter!(RECONNECTS).increment(browsers as u64);
}

/// An exchange with a Redis group failed.
pub fn redis_error(group: &str) {
    counter!(REDIS_ERRORS, "group" => group.to_owned()).increment(1);
}

/// A Redis group answers no longer, or again.
pub fn redis_away(group: &str, is_away: bool) {
    gauge!(REDIS_AWAY, "group" => group.to_owned()).set(float(u64::from(is_away)));
}

/// So many finished games were found in the near Redis, and so many were not.
pub fn near_reads(found: usize, missed: usize) {
    for (result, games) in [("found", found), ("missed", missed)] {
        counter!(NEAR_READS, "result" => result).increment(u64::try_from(games).unwrap_or(u64::MAX));
    }
}

/// The sentinels of a group found nobody to take the place of a dead primary, and were made more patient.
pub fn sentinels_helped(group: &str) {
    counter!(REDIS_HELPED, "group" => group.to_owned()).increment(1);
}

/// Whether a Redis group takes writes.
pub fn redis_writable(group: &str, writable: bool) {
    gauge!(REDIS_WRITABLE, "group" => group.to_owned()).set(f64::from(u8::from(writable)));
}

/// So many replicas follow the primary of a group, and so many should.
pub fn redis_replicas(group: &str, attached: u64, expected: u64) {
    gauge!(REDIS_REPLICAS, "group" => group.to_owned()).set(float(attached));
    gauge!(REDIS_EXPECTED, "group" => group.to_owned()).set(float(expected));
}

/// A stream was given back so many records.
pub fn healed(records: usize) {
    counter!(HEALS).increment(1);
    counter!(HEALED).increment(records as u64);
}

/// A game shown here went back.
pub fn went_back() {
    counter!(WENT_BACK).increment(1);
}

/// So many records shown here were undone.
pub fn rolled_back(records: usize) {
    counter!(ROLLED_BACK).increment(records as u64);
}

/// So many records were taken back from a browser.
pub fn given_back(records: usize) {
    counter!(GIVEN_BACK).increment(records as u64);
}

/// A table began to play on without its backup.
pub fn played_on() {
    counter!(PLAYED_ON).increment(1);
}

/// Something was read again.
pub fn reload(what: Reload) {
    let what = match what {
        Reload::All => "all",
        Reload::Shard => "shard",
        Reload::Lobby => "lobby",
        Reload::Table => "table",
    };
    counter!(RELOADS, "what" => what).increment(1);
}

/// A dead node was cleaned up after.
pub fn reaped() {
    counter!(REAPED).increment(1);
}

/// A browser told a tip that nobody has.
pub fn tip_unknown() {
    counter!(TIPS_UNKNOWN).increment(1);
}

/// A table's keeper was woken by time.
pub fn table_woken() {
    counter!(TABLE_WAKES).increment(1);
}

/// So many players of a node that died or ended were taken out.
pub fn players_taken_out(players: u64) {
    counter!(REAPED_PLAYERS).increment(players);
}

/// The keeper of a table panicked.
pub fn keeper_panicked() {
    counter!(KEEPER_PANICS).increment(1);
}

/// So many players were held otherwise by Redis than they are here.
pub fn presence_repaired(players: u64) {
    counter!(PRESENCE).increment(players);
}

/// The node's lease was renewed late.
pub fn lease_late() {
    counter!(LEASE_LATE).increment(1);
}

/// So many deadlines were taken.
pub fn deadlines_taken(tables: usize) {
    counter!(DEADLINES).increment(tables as u64);
}

fn close_word(code: CloseCode) -> &'static str {
    match code {
        CloseCode::GoingAway => "going_away",
        CloseCode::BadFrame => "bad_frame",
        CloseCode::LoggedOut => "logged_out",
        CloseCode::Flooding => "flooding",
        CloseCode::TakenOver => "taken_over",
        CloseCode::TooSlow => "too_slow",
        CloseCode::Unavailable => "unavailable",
    }
}

/// A value's name on the wire.
fn word_of<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).ok();
    value.as_ref().and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned()
}

/// Counts of what one machine holds are exact as floats.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
