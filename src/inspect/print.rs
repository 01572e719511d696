//! What was read, for people: sheets of one line each, in columns, with headings.

use std::fmt::Write;

use super::read::{Compared, Held, Inspected, Live, Nodes, PlayerLine, TableLine, TableSeen};
use crate::redis::health::{GroupHealth, RedisHealth};
use crate::rules::seat::Seat;
use crate::store::look::{Kept, Totals};
use crate::table::record::Tip;

/// What stands where there is nothing.
const NOTHING: &str = "-";
/// Characters of a hash that tell it from another.
const HASH_SHOWN: usize = 12;

/// Lines in columns under a heading; numbers stand to the right.
struct Sheet {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    fn new<const N: usize>(heads: [&'static str; N], rows: impl IntoIterator<Item = [String; N]>) -> Self {
        Self { heads: heads.to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    fn text(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(ToString::to_string).collect();
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&heads]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let right: Vec<bool> = (0..heads.len()).map(|column| self.is_numbers(column)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = widths[column];
                if right[column] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        [&heads].into_iter().chain(&self.rows).map(line).collect()
    }

    fn is_numbers(&self, column: usize) -> bool {
        let first = |cell: &String| cell.split(' ').next().is_some_and(|word| word.parse::<f64>().is_ok());
        let plain = |cell: &String| cell == NOTHING || first(cell);
        !self.rows.is_empty() && self.rows.iter().all(|row| plain(&row[column]))
    }
}

pub fn text(inspected: &Inspected) -> String {
    let Inspected { now_ms, totals, nodes, players, tables, table, redis } = inspected;
    let mut parts = Vec::new();
    parts.extend(totals.as_ref().map(|totals| summary(totals, nodes.as_ref())));
    parts.extend(nodes.as_ref().map(nodes_text));
    parts.extend(players.as_ref().map(|players| players_text(players)));
    parts.extend(tables.as_ref().map(|tables| tables_text(tables)));
    parts.extend(table.as_ref().map(|table| table_text(table, now_ms.unwrap_or(0))));
    parts.extend(redis.iter().flatten().map(group_text));
    parts.join("\n")
}

fn summary(totals: &Totals, nodes: Option<&Nodes>) -> String {
    let Totals { players, tables, deadlines, archived } = totals;
    let nodes = nodes.map_or(0, |nodes| nodes.live.len());
    let (nodes, players, tables) =
        (count(nodes as u64, "node"), count(*players, "player"), count(*tables, "table"));
    let deadlines = count(*deadlines, "deadline");
    let archived =
        archived.map_or("no answer from the archive".to_owned(), |games| count(games, "finished game"));
    format!("{nodes}, {players} online, {tables} ({deadlines}), {archived}\n")
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn nodes_text(nodes: &Nodes) -> String {
    let live = nodes.live.iter().map(|node| {
        [
            node.address.clone(),
            node.version.clone(),
            node.protocol.to_string(),
            node.records.to_string(),
            node.sessions.to_string(),
            node.tables.to_string(),
            if node.draining { "draining" } else { "serving" }.to_owned(),
            node.node.to_string(),
        ]
    });
    let dead = nodes.dead.iter().map(|node| {
        let mut row = std::array::from_fn(|_| NOTHING.to_owned());
        (row[6], row[7]) = ("dead".to_owned(), node.to_string());
        row
    });
    let heads = ["NODE", "VERSION", "PROTOCOL", "RECORDS", "SESSIONS", "TABLES", "STATE", "ID"];
    Sheet::new(heads, live.chain(dead)).text()
}

fn players_text(players: &[PlayerLine]) -> String {
    let rows = players.iter().map(|PlayerLine { at, address }| {
        [
            at.name.to_string(),
            if at.guest { "guest" } else { "account" }.to_owned(),
            or_dead(address.as_ref(), true),
            at.table.map_or(NOTHING.to_owned(), |table| table.to_string()),
        ]
    });
    Sheet::new(["PLAYER", "KIND", "NODE", "TABLE"], rows).text()
}

fn tables_text(tables: &[TableLine]) -> String {
    let rows = tables.iter().map(|TableLine { at, addresses }| {
        [
            at.table.to_string(),
            at.names.first.to_string(),
            or_dead(addresses.first.as_ref(), at.nodes.first.is_some()),
            at.names.second.to_string(),
            or_dead(addresses.second.as_ref(), at.nodes.second.is_some()),
            at.records.map_or(NOTHING.to_owned(), |records| records.to_string()),
            at.watchers.to_string(),
        ]
    });
    Sheet::new(["TABLE", "FIRST", "ON NODE", "SECOND", "ON NODE", "RECORDS", "WATCHERS"], rows).text()
}

/// Where somebody is: at a node's address, at a dead node, or away.
fn or_dead(address: Option<&String>, online: bool) -> String {
    match address {
        Some(address) => address.clone(),
        None if online => "dead node".to_owned(),
        None => "away".to_owned(),
    }
}

fn table_text(seen: &TableSeen, now_ms: u64) -> String {
    let words = match seen.kept {
        Kept::Live => "is being played",
        Kept::Saved => "is stopped and saved",
        Kept::Archived => "is finished and in the archive",
    };
    let mut text = format!("Table {} {words}.\n", seen.table);
    if let Some(live) = &seen.live {
        // Writing to a text cannot fail; so below.
        let _ = write!(text, "\n{}\n{}\n{}", seats(live, now_ms), game(live, now_ms), copies(live));
    }
    text
}

fn seats(live: &Live, now_ms: u64) -> String {
    let at = &live.known.at;
    let rows = Seat::BOTH.map(|seat| {
        [
            seat.to_string(),
            at.names[seat].to_string(),
            or_dead(live.addresses[seat].as_ref(), at.nodes[seat].is_some()),
            since(live.known.away_since_ms[seat], now_ms),
        ]
    });
    Sheet::new(["SEAT", "PLAYER", "NODE", "AWAY FOR"], rows).text()
}

fn game(live: &Live, now_ms: u64) -> String {
    let known = &live.known;
    let due = known.deadline_ms.map_or(NOTHING.to_owned(), |due_ms| match due_ms.checked_sub(now_ms) {
        Some(left_ms) => format!("in {}", span(left_ms)),
        None => format!("due for {}", span(now_ms - due_ms)),
    });
    let row = [
        known.at.records.map_or(NOTHING.to_owned(), |records| records.to_string()),
        tip_text(&known.tip),
        live.unsaved.to_string(),
        since(known.started_ms, now_ms),
        since(known.last_ms, now_ms),
        due,
        known.at.watchers.to_string(),
    ];
    let heads = ["RECORDS", "TIP IN REDIS", "PROVISIONAL", "STARTED AGO", "LAST AGO", "DEADLINE", "WATCHERS"];
    Sheet::new(heads, [row]).text()
}

fn copies(live: &Live) -> String {
    let watchers = |held: &Held| live.known.watchers_by_node.get(&held.node.to_string()).copied();
    let rows = live.held.iter().map(|held| {
        [
            held.address.clone(),
            held.tip.as_ref().map_or(NOTHING.to_owned(), tip_text),
            compared(held.compared),
            watchers(held).unwrap_or(0).to_string(),
            held.node.to_string(),
        ]
    });
    Sheet::new(["NODE", "TIP HELD", "AGAINST REDIS", "WATCHERS", "ID"], rows).text()
}

fn compared(compared: Compared) -> String {
    match compared {
        Compared::Same => "same".to_owned(),
        Compared::Behind(records) => format!("behind by {records}"),
        Compared::Ahead(records) => format!("ahead by {records}, provisional"),
        Compared::Differs => "differs".to_owned(),
        Compared::NoChain => "no chain".to_owned(),
        Compared::Silent => "no answer".to_owned(),
    }
}

fn tip_text(tip: &Tip) -> String {
    let hash: String = tip.hash.to_string().chars().take(HASH_SHOWN).collect();
    format!("{} {hash}", tip.number).trim_end().to_owned()
}

fn group_text(group: &GroupHealth) -> String {
    let heads =
        ["REDIS", "ROLE", "STATE", "LAG", "BYTES BEHIND", "MEMORY", "OF", "APPEND-ONLY", "ANSWER", "VERSION"];
    let primary = [redis_row(&group.primary, "primary")];
    let replicas = group.replicas.iter().map(|replica| redis_row(replica, "replica"));
    let mut text = format!("Redis for {}\n", group.roles);
    text.push_str(&Sheet::new(heads, primary.into_iter().chain(replicas)).text());
    if group.attached < group.replicas.len() as u64 {
        // Writing to a text cannot fail; so below.
        let _ = writeln!(text, "Reduced: {} of {} replicas follow.", group.attached, group.replicas.len());
    }
    for redis in [&group.primary].into_iter().chain(&group.replicas) {
        for warning in &redis.warnings {
            let _ = writeln!(text, "Warning: {}: {warning}.", redis.address);
        }
    }
    if !group.sentinels.is_empty() {
        let rows = group.sentinels.iter().map(|sentinel| {
            let number =
                |number: u64| if sentinel.error.is_some() { NOTHING.to_owned() } else { number.to_string() };
            [
                sentinel.address.clone(),
                sentinel.error.clone().unwrap_or_else(|| "answers".to_owned()),
                or_nothing(&sentinel.primary),
                or_nothing(&sentinel.flags),
                number(sentinel.others),
                number(sentinel.quorum),
            ]
        });
        let sheet = Sheet::new(["SENTINEL", "STATE", "PRIMARY", "IT IS", "OTHERS", "QUORUM"], rows);
        let _ = write!(text, "\n{}", sheet.text());
    }
    text
}

/// One Redis, which should be what the group takes it for.
fn redis_row(health: &RedisHealth, expected: &str) -> [String; 10] {
    let address = or_nothing(&health.address);
    let optional =
        |number: Option<u64>, unit: &str| number.map_or(NOTHING.to_owned(), |n| format!("{n}{unit}"));
    if let Some(error) = &health.error {
        let mut row = std::array::from_fn(|_| NOTHING.to_owned());
        (row[0], row[1], row[2]) = (address, expected.to_owned(), error.clone());
        // The primary may still tell how far behind one is that does not answer itself.
        (row[3], row[4]) = (optional(health.lag_secs, " s"), optional(health.lag_bytes, ""));
        return row;
    }
    let state = match health.link_up {
        _ if health.role != expected => "not what it should be",
        Some(false) => "cut off",
        _ => "ok",
    };
    [
        address,
        health.role.clone(),
        state.to_owned(),
        optional(health.lag_secs, " s"),
        optional(health.lag_bytes, ""),
        bytes(health.memory),
        if health.memory_max == 0 { NOTHING.to_owned() } else { bytes(health.memory_max) },
        health.append_only.clone(),
        format!("{:.1} ms", health.answer_ms),
        health.version.clone(),
    ]
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() { NOTHING.to_owned() } else { text.to_owned() }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30),
    }
}

fn since(then_ms: Option<u64>, now_ms: u64) -> String {
    then_ms.map_or(NOTHING.to_owned(), |then_ms| span(now_ms.saturating_sub(then_ms)))
}

/// A time in its two largest units.
fn span(ms: u64) -> String {
    let secs = ms / 1_000;
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sheet, bytes, span};

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let row = |name: &str, number: &str| [name.to_owned(), number.to_owned()];
        let sheet =
            Sheet::new(["NAME", "COUNT"], [row("Ann", "7"), row("Mirabelle", "1000"), row("Otto", "-")]);
        let lines = ["NAME       COUNT", "Ann            7", "Mirabelle   1000", "Otto           -"];
        assert_eq!(sheet.text(), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(
            [span(999), span(61_000), span(3_600_000), span(90_000_000)],
            ["0 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]
        );
        assert_eq!([bytes(2_048), bytes(5 << 20), bytes(3 << 29)], ["2 KiB", "5 MiB", "1.5 GiB"]);
    }
}
