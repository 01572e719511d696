//! The judge: compares what the archive holds of a game with what everybody at its table was told. Pure.

use std::collections::{HashMap, HashSet};

use nineflags::archive_files;
use nineflags::ids::{AccountId, TableId};
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::Copy;
use nineflags::table::record::{Entry, Hash, Record, Tip};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::memory::{Answered, Print, Promise, Seen, SmallTip, Witness};

/// A finished game as `GET /api/game/{id}` tells it.
#[derive(Debug)]
pub struct Archived {
    /// The game.
    pub game: ArchivedGame,
    /// The open view after each record, and the log, as they were sent.
    pub shown: Shown,
}

/// The part of a finished game's page that is for watching it again.
#[derive(Debug, Deserialize)]
pub struct Shown {
    /// One view after each record.
    pub views: Vec<Box<RawValue>>,
    /// All records after the first.
    pub log: Box<RawValue>,
}

/// What the judge found at one table.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What must not be, in words.
    pub violations: Vec<String>,
    /// Views that were compared with the records.
    pub compared: u64,
    /// Views of another version's nodes, of which only the tip was compared.
    pub not_compared: u64,
    /// How often a bot was told that the game went back.
    pub went_back: u64,
    /// Views and answers taken back that way.
    pub taken_back: u64,
    /// Answers taken back that way that had been a promise.
    pub accepted_back: u64,
    /// Answers that had been called unsaved, and are gone: taken back, or with the node that had them.
    pub unsaved_back: u64,
    /// The tips of requests that were a promise, and are gone without a word.
    pub lost: Vec<SmallTip>,
}

/// Who sat at a table, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sitting {
    /// The account that sat there.
    pub account: AccountId,
    /// At which table.
    pub table: TableId,
    /// When the game started, Redis' time.
    pub started_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
}

impl Archived {
    /// Reads a finished game's page.
    pub fn read(text: &str) -> Result<Self, String> {
        let fault = |error: serde_json::Error| format!("the archived game cannot be read: {error}");
        let game = serde_json::from_str(text).map_err(fault)?;
        let shown = serde_json::from_str(text).map_err(fault)?;
        Ok(Self { game, shown })
    }

    /// Who sat there.
    pub fn sittings(&self) -> [Sitting; 2] {
        Seat::BOTH.map(|seat| Sitting {
            account: self.game.accounts[seat],
            table: self.game.table,
            started_ms: self.game.started_ms,
            ended_ms: self.game.ended_ms,
        })
    }
}

/// Judges one table.
pub fn judge(archived: &Archived, witnesses: &[Witness]) -> Verdict {
    let table = archived.game.table;
    let mut verdict = Verdict::default();
    let entries = &archived.game.entries;
    let replayable = checkable(&archived.game);
    verdict.violations.extend(check_record(&replayable, &archived.shown));
    let tips: Vec<SmallTip> = tips(entries);
    let rebuilt = rebuild(table, &replayable.entries, witnesses);
    for witness in witnesses {
        verdict.went_back += u64::from(witness.went_back);
        verdict.taken_back += u64::from(witness.taken_back);
        verdict.violations.extend(witness.complaints());
        let mut faults = Vec::new();
        verdict.accepted_back += u64::from(witness.answers_back.accepted);
        verdict.unsaved_back += u64::from(witness.answers_back.unsaved);
        faults.extend(check_answers(entries, &tips, &witness.answered, &mut verdict));
        faults.extend(check_unasked(entries, &tips, witness));
        faults.extend(check_words(&archived.game, witness));
        check_views(&tips, &rebuilt, witness, &mut faults, &mut verdict);
        verdict.violations.extend(faults.iter().map(|fault| witness.words(fault)));
    }
    verdict
}

/// Whether the game in the archive is whole, follows the rules, and is shown as it was played.
fn check_record(game: &ArchivedGame, shown: &Shown) -> Vec<String> {
    match archive_files::check(game) {
        Ok(copy) => check_shown(game, shown, &copy),
        Err(words) => vec![format!("table {}: in the archive {words}", game.table)],
    }
}

/// A game whose chain can be computed. The page withholds the ids that hashes of format 1 cover: such a game is chained
/// anew, and its own hashes are compared with the tips that were seen.
fn checkable(game: &ArchivedGame) -> ArchivedGame {
    let mut game = game.clone();
    if game.entries.iter().all(|entry| entry.hash_after(&Hash::default(), 0).is_some()) {
        return game;
    }
    let mut hash = Hash::default();
    for (number, entry) in (0..).zip(&mut game.entries) {
        if entry.request.is_withheld() {
            entry.request = "withheld".parse().unwrap_or_default();
        }
        hash = entry.hash_after(&hash, number).unwrap_or_default();
        entry.hash = hash.clone();
    }
    game
}

/// Whether the page to watch the game again shows the game.
fn check_shown(game: &ArchivedGame, page: &Shown, whole: &Copy) -> Vec<String> {
    let mut faults = Vec::new();
    let mut copy = Copy::open(game.table);
    let mut shown = page.views.iter();
    for (number, entry) in (0..).zip(&game.entries) {
        copy.accept(number, std::slice::from_ref(entry));
        let text = copy.game().and_then(|game| serde_json::to_string(&game.open_view()).ok());
        if shown.next().map(|view| view.get()) != text.as_deref() {
            faults.push(format!("table {}: the archive shows record {number} wrongly", game.table));
        }
    }
    let log = whole.view(Viewer::Watcher).and_then(|(_, log)| serde_json::to_string(&log).ok());
    if shown.next().is_some() || Some(page.log.get()) != log.as_deref() {
        faults.push(format!("table {}: the archive shows other records than there are", game.table));
    }
    faults
}

fn tips(entries: &[Entry]) -> Vec<SmallTip> {
    let tip = |(number, entry): (u32, &Entry)| (&Tip { number, hash: entry.hash.clone() }).into();
    (1..).zip(entries).map(tip).collect()
}

/// Each acknowledged request is there exactly once, where the answer said, as it was asked, and in order.
fn check_answers(
    entries: &[Entry],
    tips: &[SmallTip],
    answered: &[Answered],
    verdict: &mut Verdict,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = 0;
    for Answered { request, tip, moves, promise } in answered {
        let Some((first, last)) = place(tips, tip, moves.len()) else {
            if *promise != Promise::Given {
                verdict.unsaved_back += 1;
                continue;
            }
            verdict.lost.push(*tip);
            faults.push(format!("the acknowledged request {request} {moves:?} is lost"));
            continue;
        };
        let made = &entries[first..last];
        let texts: Vec<String> = made.iter().map(|entry| entry.record.to_string()).collect();
        if texts != *moves || made.iter().any(|entry| entry.seat != made[0].seat) {
            faults.push(format!("the acknowledged request {request} {moves:?} became {texts:?}"));
        } else if first < before {
            faults.push(format!("the request {request} {moves:?} is not in the order it was made in"));
        }
        before = last;
    }
    faults
}

/// From where to where the records before a tip are, if the chain has the tip and so many of them.
fn place(tips: &[SmallTip], tip: &SmallTip, count: usize) -> Option<(usize, usize)> {
    let last = usize::try_from(tip.number).ok()?;
    let is_there = tips.get(last.checked_sub(1)?) == Some(tip);
    Some((last.checked_sub(count).filter(|_| is_there && count > 0)?, last))
}

/// Every move of a seat is one that was acknowledged to it: what was refused changed nothing, and nothing was made twice.
/// Where an answer was taken back or never came nobody can know.
fn check_unasked(entries: &[Entry], tips: &[SmallTip], witness: &Witness) -> Vec<String> {
    let seat = witness.views.iter().find_map(|seen| match seen.viewer {
        Viewer::First => Some(Seat::First),
        Viewer::Second => Some(Seat::Second),
        Viewer::Watcher => None,
    });
    let Some(seat) = seat.filter(|_| witness.went_back == 0 && !witness.unanswered) else {
        return Vec::new();
    };
    let answered = witness.answered.iter().filter_map(|done| place(tips, &done.tip, done.moves.len()));
    let answered: HashSet<usize> = answered.flat_map(|(first, last)| first..last).collect();
    let unasked = |number: &usize| {
        let Entry { seat: by, record, .. } = &entries[*number];
        *by == seat && matches!(record, Record::Move(_)) && !answered.contains(number)
    };
    let words = |number: usize| {
        let refused = witness.refused.iter().find(|refused| refused.tip.number as usize == number);
        match refused.filter(|refused| refused.moves.first() == Some(&entries[number].record.to_string())) {
            Some(refused) => format!("the refused request {} was carried out", refused.request),
            None => format!("record {number}, {}, was acknowledged to nobody", entries[number].record),
        }
    };
    (0..entries.len()).filter(unasked).map(words).collect()
}

/// The commitment and the end it was told are the archive's.
fn check_words(game: &ArchivedGame, witness: &Witness) -> Vec<String> {
    let mut faults = Vec::new();
    if !witness.commitment.is_empty() && witness.commitment != game.commitment {
        faults.push("the game was played with other decks than those committed to".to_owned());
    }
    if witness.ending.is_some() && witness.ending != game.ending {
        faults
            .push(format!("it was told the end {:?}, and the archive has {:?}", witness.ending, game.ending));
    }
    faults
}

/// Each tip it saw is in the chain, and each view is what the records make of it for that viewer, to the byte. Before a
/// notice that the game went back there may be views of records that are undone: all that it had seen from some record on.
/// Where others had moved on meanwhile, its next view does not tell which one that is.
fn check_views(
    tips: &[SmallTip],
    rebuilt: &HashMap<(u32, Viewer), Print>,
    witness: &Witness,
    faults: &mut Vec<String>,
    verdict: &mut Verdict,
) {
    let is_there = |tip: &SmallTip| {
        let index = usize::try_from(tip.number).unwrap_or(usize::MAX).checked_sub(1);
        index.and_then(|index| tips.get(index)) == Some(tip)
    };
    let is_undone = |seen: &Seen| {
        let later = |other: &&Seen| other.notices == seen.notices && other.tip.number >= seen.tip.number;
        seen.notices < witness.vague && !witness.views.iter().filter(later).any(|later| is_there(&later.tip))
    };
    for seen in &witness.views {
        let number = seen.tip.number;
        if !is_there(&seen.tip) {
            if is_undone(seen) {
                verdict.taken_back += 1;
            } else if witness.left_unsaved && number > witness.accepted {
                verdict.not_compared += 1;
            } else {
                faults.push(format!("it saw a record {number} that is not in the final chain"));
            }
            continue;
        }
        if !witness.same_version || seen.provisional {
            verdict.not_compared += 1;
            continue;
        }
        verdict.compared += 1;
        let Some(made) = rebuilt.get(&(number, seen.viewer)) else { continue };
        if made.view != seen.print.view {
            let viewer = seen.viewer;
            faults.push(format!("the view for {viewer:?} after {number} records is not what they make"));
        }
        if made.log != seen.print.log {
            faults.push(format!("the log for {:?} after {number} records is not theirs", seen.viewer));
        }
    }
}

/// Every view that somebody saw, made again from the records.
fn rebuild(table: TableId, entries: &[Entry], witnesses: &[Witness]) -> HashMap<(u32, Viewer), Print> {
    let views = witnesses.iter().flat_map(|witness| &witness.views);
    let wanted: HashSet<(u32, Viewer)> = views.map(|seen| (seen.tip.number, seen.viewer)).collect();
    let mut rebuilt = HashMap::with_capacity(wanted.len());
    let mut copy = Copy::open(table);
    for (number, entry) in (0..).zip(entries) {
        copy.accept(number, std::slice::from_ref(entry));
        for viewer in [Viewer::First, Viewer::Second, Viewer::Watcher] {
            let at = (copy.tip().number, viewer);
            if let Some(print) = wanted.contains(&at).then(|| print(&copy, viewer)).flatten() {
                rebuilt.insert(at, print);
            }
        }
    }
    rebuilt
}

/// The finger print of the view that a copy makes.
pub fn print(copy: &Copy, viewer: Viewer) -> Option<Print> {
    let (view, log) = copy.view(viewer)?;
    Some(Print::of(&serde_json::to_string(&view).ok()?, &serde_json::to_string(&log).ok()?))
}

/// Nobody sits at two tables at once: one game of a player ends before the next begins.
pub fn check_sittings(mut sittings: Vec<Sitting>) -> Vec<String> {
    sittings.sort_by_key(|sitting| (sitting.account, sitting.started_ms, sitting.ended_ms));
    let pairs = sittings.iter().zip(sittings.iter().skip(1));
    pairs
        .filter(|(one, next)| one.account == next.account && next.started_ms < one.ended_ms)
        .map(|(one, next)| {
            format!("account {} sat at {} and at {} at once", one.account, one.table, next.table)
        })
        .collect()
}
