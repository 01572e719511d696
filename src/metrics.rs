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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows while the node runs.
    Counter,
    /// A number as it is now.
    Gauge,
    /// Measured times, in buckets.
    Histogram,
}

#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// Writes each metric once: its kind, its constant, its name, its labels, and what it means.
macro_rules! all {
    ($($kind:ident $constant:ident = $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(const $constant: &str = $name;)*

        pub const ALL: &[Metric] = &[
            $(Metric { name: $constant, kind: Kind::$kind, labels: &[$($label),*], help: $help }),*
        ];
    };
}

all! {
    Gauge SESSIONS = "nineflags_sessions" [] "Websockets open here.";
    Gauge HOSTS = "nineflags_table_hosts" [] "Live tables that this node hosts.";
    Gauge LOBBY_PLAYERS = "nineflags_lobby_players" [] "Players online on all nodes, as mirrored here.";
    Gauge LOBBY_TABLES = "nineflags_lobby_tables" [] "Live tables on all nodes, as mirrored here.";
    Gauge NOT_DURABLE = "nineflags_records_not_durable" [] "Records sent from here that no node knows to be durable yet.";
    Gauge READY = "nineflags_ready" [] "1 while /readyz says ready.";
    Gauge BUS_UP = "nineflags_bus_up" [] "1 while the node hears its channels.";
    Counter REQUESTS = "nineflags_requests_total" ["kind", "result"] "Requests over websockets, answered.";
    Counter REFUSALS = "nineflags_refusals_total" ["code"] "Requests refused, by the code of the refusal.";
    Histogram REQUEST_SECONDS = "nineflags_request_seconds" [] "From a request read to its answer queued.";
    Counter RECORDS = "nineflags_records_total" [] "Records that were accepted from this node.";
    Histogram APPEND_SECONDS = "nineflags_append_seconds" [] "From an append called to its answer.";
    Histogram DELIVERY_SECONDS = "nineflags_delivery_seconds" [] "From an append called to its publication heard.";
    Counter CLOSES = "nineflags_outbox_closes_total" ["code"] "Websockets closed by the node, by why.";
    Counter RECONNECTS = "nineflags_reconnects_asked_total" [] "Browsers asked to reconnect, to any node.";
    Counter REDIS_ERRORS = "nineflags_redis_errors_total" ["group"] "Exchanges with a Redis group that failed.";
    Gauge REDIS_WRITABLE = "nineflags_redis_writable" ["group"] "1 while a Redis group takes writes.";
    Gauge REDIS_REPLICAS = "nineflags_redis_replicas" ["group"] "Replicas that follow a group's primary.";
    Gauge REDIS_EXPECTED = "nineflags_redis_replicas_expected" ["group"] "Replicas of a group that its sentinels know, alive or not.";
    Counter REDIS_HELPED = "nineflags_redis_sentinels_helped_total" ["group"]
        "Times the sentinels of a group were helped out of a failover that never came.";
    Gauge REDIS_AWAY = "nineflags_redis_away" ["group"] "1 while a Redis group does not answer this node.";
    Counter NEAR_READS = "nineflags_near_reads_total" ["result"]
        "Finished games asked of the near Redis: found, or missed and asked of the archive itself.";
    Counter HEALS = "nineflags_heals_total" [] "Times a stream was given back what it had lost.";
    Counter HEALED = "nineflags_records_healed_total" [] "Records given back to streams that had lost them.";
    Counter WENT_BACK = "nineflags_went_back_total" [] "Times a game shown here went back, which its players are told.";
    Counter TIPS_UNKNOWN = "nineflags_tips_unknown_total" []
        "Tips that players told and nobody has, without a proof: records were lost, or a tip was made up.";
    Counter ROLLED_BACK = "nineflags_records_rolled_back_total" [] "Records shown here that were undone, since others came first.";
    Counter GIVEN_BACK = "nineflags_records_given_back_total" [] "Records that only a browser still had, taken back from it.";
    Counter PLAYED_ON = "nineflags_played_on_total" [] "Times a table here played on while its backup was away.";
    Counter RELOADS = "nineflags_reloads_total" ["what"] "Times all was read again, since something was missed.";
    Counter TABLE_WAKES = "nineflags_table_wakes_total" [] "Times a table here was woken by time, not by a message; an idle one is not.";
    Counter REAPED = "nineflags_reaped_nodes_total" [] "Dead nodes cleaned up after.";
    Counter REAPED_PLAYERS = "nineflags_reaped_players_total" [] "Players taken out of the lobby since their node died or ended.";
    Counter HOST_PANICS = "nineflags_host_panics_total" [] "Table hosts that panicked: the browsers there were sent away to come again.";
    Counter PRESENCE = "nineflags_presence_repaired_total" []
        "Times what Redis held of a player was not what this node has, and was set right.";
    Counter LEASE_LATE = "nineflags_lease_late_total" [] "Times this node's lease was renewed more than 1.5 s after the time before.";
    Counter DEADLINES = "nineflags_deadlines_taken_total" [] "Deadlines of tables taken by this node.";
    Gauge WAITING = "nineflags_connections_waiting" [] "Connections here that are not websockets with a welcome yet.";
    Counter UNREAD_FORWARDED = "nineflags_forwarded_unread_total" []
        "Requests whose balancer did not say in a readable form for whom it asks.";
    Gauge STORED = "nineflags_stored" ["group", "kind"]
        "What a Redis group holds of each kind, as one of the nodes counts it; 0 at all others.";
    Counter LIMITED = "nineflags_limited_total" ["limit"] "What limits refused, by the limit's name.";
}

/// The names that some had until 0.4.0, with the present ones: each is told by both until 0.6.0.
pub const RENAMED: [(&str, &str); 3] = [
    ("nineflags_copies", HOSTS),
    ("nineflags_records_unsaved", NOT_DURABLE),
    ("nineflags_keeper_panics_total", HOST_PANICS),
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
    pub sessions: usize,
    /// Tables hosted.
    pub hosts: usize,
    /// Players and tables of the lobby.
    pub lobby: (usize, usize),
    /// Records not known to be durable.
    pub not_durable: u64,
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

fn describe(Metric { name, kind, labels, help }: Metric) {
    let unit = if kind == Kind::Histogram { Unit::Seconds } else { Unit::Count };
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
    gauge!(HOSTS).set(float(sizes.hosts as u64));
    gauge!(LOBBY_PLAYERS).set(float(sizes.lobby.0 as u64));
    gauge!(LOBBY_TABLES).set(float(sizes.lobby.1 as u64));
    gauge!(NOT_DURABLE).set(float(sizes.not_durable));
    with_old_names(page().render())
}

fn with_old_names(mut page: String) -> String {
    for (old, new) in RENAMED {
        let lines = page.lines().filter(|line| line.split(' ').any(|word| word == new));
        let again: Vec<String> = lines.map(|line| line.replace(new, old)).collect();
        page.push_str(&again.join("\n"));
        page.push('\n');
    }
    page
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

pub fn ready(ready: bool) {
    gauge!(READY).set(f64::from(u8::from(ready)));
}

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

pub fn closed(code: CloseCode) {
    counter!(CLOSES, "code" => close_word(code)).increment(1);
}

/// So many browsers were asked to reconnect.
pub fn reconnects_asked(browsers: usize) {
    counter!(RECONNECTS).increment(browsers as u64);
}

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

/// A table host was woken by time.
pub fn table_woken() {
    counter!(TABLE_WAKES).increment(1);
}

/// So many players of a node that died or ended were taken out.
pub fn players_taken_out(players: u64) {
    counter!(REAPED_PLAYERS).increment(players);
}

pub fn host_panicked() {
    counter!(HOST_PANICS).increment(1);
}

/// So many players were held otherwise by Redis than they are here.
pub fn presence_repaired(players: u64) {
    counter!(PRESENCE).increment(players);
}

pub fn lease_late() {
    counter!(LEASE_LATE).increment(1);
}

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
