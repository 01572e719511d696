//! What a bot reads of an update: enough to act on, and the exact text of every view for the judge.

use std::collections::HashMap;

use nineflags::ids::{RequestId, TableId};
use nineflags::protocol::{ClosedWhy, Games, Invites, NoticeCode, RefusalCode, TableChanges, TableView};
use nineflags::rules::game::Ending;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::View;
use nineflags::table::record::Tip;
use serde::Deserialize;
use serde::de::{Error as _, IntoDeserializer};
use serde_json::value::RawValue;

use super::memory::{Print, Seen};

/// An update, as far as bots care.
#[derive(Debug)]
pub enum Heard {
    /// The first update of a session.
    Welcome(Box<Welcomed>),
    /// A request was carried out.
    Done(RequestId, Carried),
    /// A request was not.
    Refused(Refused),
    /// The whole view of a table.
    Table(Box<TableHeard>),
    /// So many records of a table are saved.
    Saved(TableId, u32),
    /// All invites.
    Invites(Invites),
    /// A table is no longer shown.
    Closed(TableId, ClosedWhy),
    /// Something to read once.
    Notice(Noticed),
    /// The node is going away.
    Reconnect(u64),
    /// What bots do not care for, or do not know.
    Other,
}

/// The tables that are shown over one connection, as they are now: what changes comes alone.
#[derive(Debug, Default)]
pub struct Tables(HashMap<TableId, TableView>);

impl Tables {
    /// Takes a whole view in, with its text.
    fn whole(&mut self, text: &str) -> serde_json::Result<TableHeard> {
        let RawTable { view, log } = serde_json::from_str(text)?;
        let print = Print::of(view.get(), log.get());
        let table: TableView = serde_json::from_str(text)?;
        let heard = TableHeard::of(&table, print);
        self.0.insert(table.table, table);
        Ok(heard)
    }

    /// Takes in what changed.
    fn changed(&mut self, text: &str) -> serde_json::Result<TableHeard> {
        let changes: TableChanges = serde_json::from_str(text)?;
        let view = self.0.remove(&changes.table).and_then(|before| before.changed(changes));
        let table = view.ok_or_else(|| serde_json::Error::custom("what it changes was not shown"))?;
        let print = Print::of(&serde_json::to_string(&table.view)?, &serde_json::to_string(&table.log)?);
        let heard = TableHeard::of(&table, print);
        self.0.insert(table.table, table);
        Ok(heard)
    }
}

/// What came of a request that was carried out.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Carried {
    /// The table.
    pub table: Option<TableId>,
    /// The tip after the moves.
    pub tip: Option<Tip>,
    /// The moves are in memory only: no promise yet.
    #[serde(default)]
    pub unsaved: bool,
}

/// A request that was not carried out.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    /// The request.
    pub id: RequestId,
    /// Why, as it was said.
    #[serde(rename = "code")]
    pub name: String,
    /// Why, in words.
    pub words: String,
}

impl Noticed {
    /// Whether it may be about this table: an older server does not say about which it is.
    pub fn is_of(&self, table: TableId) -> bool {
        self.table.is_none_or(|about| about == table)
    }

    /// How many records still count, where that is known.
    pub fn to(&self) -> Option<u32> {
        self.tip.as_ref().map(|tip| tip.number)
    }
}

impl Refused {
    /// Why: what a bot does not know is taken for something that passes.
    pub fn code(&self) -> RefusalCode {
        let code: Result<_, serde::de::value::Error> =
            RefusalCode::deserialize(self.name.as_str().into_deserializer());
        code.unwrap_or(RefusalCode::Unavailable)
    }
}

/// The first update of a session.
#[derive(Debug)]
pub struct Welcomed {
    /// The node's version.
    pub server: String,
    /// Invites in both directions.
    pub invites: Invites,
    /// The live table with a seat.
    pub table: Option<TableHeard>,
    /// Saved and recent games.
    pub games: Games,
}

/// A view of a table.
#[derive(Debug)]
pub struct TableHeard {
    /// The table.
    pub table: TableId,
    /// What the judge compares.
    pub seen: Seen,
    /// The tip, to move at.
    pub tip: Tip,
    /// How many of the records are on all machines.
    pub saved: u32,
    /// How many of them are in memory only.
    pub unsaved: u32,
    /// The last ones, sealed.
    pub sealed: Vec<String>,
    /// The hash of record 0.
    pub commitment: String,
    /// How the game ended.
    pub ending: Option<Ending>,
    /// The view in full, when the viewer may choose.
    pub to_choose: Option<Box<View>>,
    /// What no viewer may be shown, in words.
    pub leak: Option<String>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    update: &'a str,
}

#[derive(Deserialize)]
struct RawWelcome<'a> {
    server: String,
    invites: Invites,
    #[serde(borrow)]
    table: Option<&'a RawValue>,
    games: Games,
}

#[derive(Deserialize)]
struct RawTable<'a> {
    #[serde(borrow)]
    view: &'a RawValue,
    #[serde(borrow)]
    log: &'a RawValue,
}

#[derive(Deserialize)]
struct RawDone {
    id: RequestId,
    #[serde(flatten)]
    carried: Carried,
}

#[derive(Deserialize)]
struct RawSaved {
    table: TableId,
    number: u32,
}

#[derive(Deserialize)]
struct RawClosed {
    table: TableId,
    why: ClosedWhy,
}

/// Something to read once.
#[derive(Debug, Deserialize)]
pub struct Noticed {
    /// What it is about.
    pub code: NoticeCode,
    /// The table whose game went back.
    pub table: Option<TableId>,
    /// Its last record that still counts, where that is known.
    pub tip: Option<Tip>,
}

#[derive(Deserialize)]
struct RawReconnect {
    delay_ms: u64,
}

/// Reads a frame. Unknown kinds and unknown fields are let by, as the protocol asks; anything else is a fault.
pub fn read(text: &str, tables: &mut Tables) -> Result<Heard, String> {
    let fault = |error: serde_json::Error| format!("an update cannot be read: {error}");
    let kind: Kind = serde_json::from_str(text).map_err(fault)?;
    let heard = match kind.update {
        "welcome" => {
            let RawWelcome { server, invites, table, games } = serde_json::from_str(text).map_err(fault)?;
            let table = table.map(|table| tables.whole(table.get())).transpose().map_err(fault)?;
            Heard::Welcome(Box::new(Welcomed { server, invites, table, games }))
        }
        "table" => Heard::Table(Box::new(tables.whole(text).map_err(fault)?)),
        "table_changes" => Heard::Table(Box::new(tables.changed(text).map_err(fault)?)),
        "done" => {
            let RawDone { id, carried } = serde_json::from_str(text).map_err(fault)?;
            Heard::Done(id, carried)
        }
        "refused" => Heard::Refused(serde_json::from_str(text).map_err(fault)?),
        "saved" => {
            let RawSaved { table, number } = serde_json::from_str(text).map_err(fault)?;
            Heard::Saved(table, number)
        }
        "invites" => Heard::Invites(serde_json::from_str(text).map_err(fault)?),
        "table_closed" => {
            let RawClosed { table, why } = serde_json::from_str(text).map_err(fault)?;
            tables.0.remove(&table);
            Heard::Closed(table, why)
        }
        // A notice of a kind this version does not know is for people only.
        "notice" => serde_json::from_str(text).map_or(Heard::Other, Heard::Notice),
        "reconnect" => {
            let RawReconnect { delay_ms } = serde_json::from_str(text).map_err(fault)?;
            Heard::Reconnect(delay_ms)
        }
        _ => Heard::Other,
    };
    Ok(heard)
}

impl TableHeard {
    fn of(table: &TableView, print: Print) -> Self {
        let TableView { view, tip, .. } = table;
        Self {
            table: table.table,
            seen: Seen {
                tip: tip.into(),
                viewer: view.viewer,
                print,
                provisional: table.unsaved > 0,
                notices: 0,
            },
            leak: leak(view),
            ending: view.ending,
            tip: tip.clone(),
            saved: table.saved,
            unsaved: table.unsaved,
            sealed: table.sealed.clone(),
            commitment: table.commitment.clone(),
            to_choose: view.choices.is_some().then(|| Box::new(view.clone())),
        }
    }
}

/// What can be said to be hidden without knowing the game: the judge, who does, compares the rest.
fn leak(view: &View) -> Option<String> {
    if view.ending.is_some() {
        return None;
    }
    let own = view.viewer.seat();
    let open = Seat::BOTH.into_iter().find(|seat| own != Some(*seat) && view.hands[*seat].cards.is_some());
    if let Some(seat) = open {
        return Some(format!("the {seat} seat's hand is shown"));
    }
    let returned = own.is_none() && !view.decks.returned.is_empty();
    returned.then(|| "cards that lie face down on a deck are shown".to_owned())
}
