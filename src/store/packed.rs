//! Finished games as they are stored: a Redis hash whose fields can be read by people, and all records packed into one.
//!
//! The field `records` is, packed with brotli and in base64, a line for the whole game and one for each record. What follows from the
//! rest is left out: hashes and salts are computed again, and of ids only the last few are needed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::archive::ArchivedGame;
use super::dates;
use crate::ids::{AccountId, AccountName, RequestId, TableId};
use crate::protocol::GameRow;
use crate::redis::error::StoreError;
use crate::rules::game::{EndReason, Ending};
use crate::rules::seat::{BySeat, Seat};
use crate::table::record::{Entry, Hash, Record, Salt, Start, Tip};

/// The fields that make a row of a list.
pub const ROW_FIELDS: [&str; 6] = ["first", "second", "result", "flags", "moves", "ended"];
/// The field with all records.
pub const RECORDS: &str = "records";

/// The form of [`RECORDS`]; another form gets another number.
const FORM: &str = "1";
/// How hard records are compressed, and over how many bytes (a power of two): a game's are some 8 KB.
const QUALITY: u32 = 9;
const WINDOW: u32 = 16;
/// More than any game's records unpack to: what is longer is not unpacked.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024;
/// So many of each seat's last requests keep their ids, for whoever repeats one since its answer was lost.
const IDS_KEPT: usize = 4;

pub fn pack(game: &ArchivedGame) -> Result<Vec<(&'static str, String)>, StoreError> {
    let seat = |seat: Seat| format!("{} {}", game.names[seat], game.accounts[seat]);
    Ok(vec![
        ("first", seat(Seat::First)),
        ("second", seat(Seat::Second)),
        ("result", game.ending.map_or_else(String::new, result_of)),
        ("flags", game.flags.clone()),
        ("moves", game.entries.len().to_string()),
        ("ended", dates::text_of(game.ended_ms)),
        (RECORDS, STANDARD_NO_PAD.encode(pack_records(game)?)),
    ])
}

/// The row that the fields of a game make.
pub fn row(table: TableId, fields: &BTreeMap<String, Vec<u8>>) -> Result<GameRow, StoreError> {
    let (first, second) = (seat_of(text(fields, "first")?)?, seat_of(text(fields, "second")?)?);
    Ok(GameRow {
        table,
        names: BySeat { first: first.0, second: second.0 },
        number: text(fields, "moves")?.parse().map_err(|_| corrupt("moves"))?,
        flags: text(fields, "flags")?.to_owned(),
        turn: None,
        ending: Some(ending_of(text(fields, "result")?)?),
        last_ms: dates::ms_of(text(fields, "ended")?).ok_or_else(|| corrupt("ended"))?,
        expires_ms: None,
        accounts: Some(BySeat { first: first.1, second: second.1 }),
        you: None,
        opponent: None,
    })
}

/// The game that the fields make.
pub fn unpack(table: TableId, fields: &BTreeMap<String, Vec<u8>>) -> Result<ArchivedGame, StoreError> {
    let summary = row(table, fields)?;
    let packed = STANDARD_NO_PAD.decode(text(fields, RECORDS)?).map_err(|_| corrupt(RECORDS))?;
    let entries = unpack_records(&packed)?;
    let start = entries.first().map(|entry| &entry.record);
    let Some(Record::Start(start)) = start else { return Err(corrupt("record 0")) };
    let game = ArchivedGame {
        table,
        accounts: start.accounts,
        names: start.names.clone(),
        options: start.options,
        commitment: start.commitment(),
        started_ms: entries.first().map_or(0, |entry| entry.time_ms),
        ended_ms: entries.last().map_or(0, |entry| entry.time_ms),
        ending: summary.ending,
        turn: None,
        flags: summary.flags.clone(),
        entries,
    };
    if game.row() == summary { Ok(game) } else { Err(corrupt("a summary that is not that")) }
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} of a finished game"))
}

fn text<'a>(fields: &'a BTreeMap<String, Vec<u8>>, name: &str) -> Result<&'a str, StoreError> {
    fields.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(|| corrupt(name))
}

fn seat_of(text: &str) -> Result<(AccountName, AccountId), StoreError> {
    let (name, account) = text.split_once(' ').ok_or_else(|| corrupt("a seat"))?;
    Ok((name.parse()?, account.parse()?))
}

/// What a game without a winner has in the place of one.
const NOBODY: &str = "nobody";

/// Who won and how, such as `first breakthrough`.
pub fn result_of(ending: Ending) -> String {
    let reason = serde_json::to_value(ending.reason).ok();
    let reason = reason.as_ref().and_then(|reason| reason.as_str()).unwrap_or_default();
    let winner = ending.winner.map_or(NOBODY.to_owned(), |seat| seat.to_string());
    format!("{winner} {reason}")
}

fn ending_of(text: &str) -> Result<Ending, StoreError> {
    let (winner, reason) = text.split_once(' ').ok_or_else(|| corrupt("the result"))?;
    let reason: EndReason = serde_json::from_value(reason.into()).map_err(|_| corrupt("the result"))?;
    let winner = if winner == NOBODY { None } else { Some(winner.parse()?) };
    Ok(Ending { winner, reason })
}

// ---- the records -------------------------------------------------------------------------------------------------

fn pack_records(game: &ArchivedGame) -> Result<Vec<u8>, StoreError> {
    let last = game.entries.last().ok_or_else(|| corrupt("record 0"))?;
    let Record::Start(start) = &game.entries[0].record else { return Err(corrupt("record 0")) };
    let mut salts: Vec<u8> = Vec::new();
    let mut text = format!("{FORM} {}\n", last.hash);
    let (mut at, mut last_ms) = (Tip::default(), 0);
    for (place, entry) in game.entries.iter().enumerate() {
        // What a record's salt is: none, the one that follows from what is before it, or one of those beside.
        let sign = match entry.salt {
            None => '-',
            Some(salt) if salt == Salt::of(&start.nonce, &at, entry.seat) => '=',
            Some(salt) => {
                salts.extend(salt.0);
                '*'
            }
        };
        let id = if entry.salt.is_none() || keeps_id(game, place) { entry.request.as_str() } else { "" };
        let seat = if entry.seat == Seat::First { '1' } else { '2' };
        let since_ms = entry.time_ms.saturating_sub(last_ms);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{seat}{since_ms} {sign}{id} {}", entry.record);
        last_ms = entry.time_ms;
        at = Tip { number: at.number + 1, hash: entry.hash.clone() };
    }
    let mut packed = u32::try_from(salts.len()).map_err(|_| corrupt("salts"))?.to_be_bytes().to_vec();
    packed.extend(salts);
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, QUALITY, WINDOW);
    writer.write_all(text.as_bytes()).map_err(|_| corrupt(RECORDS))?;
    drop(writer);
    Ok(packed)
}

/// Whether the id of a record's request stays: it is one of the last few of its seat.
fn keeps_id(game: &ArchivedGame, place: usize) -> bool {
    let entry = &game.entries[place];
    let later = game.entries[place..].iter().filter(|later| later.seat == entry.seat);
    let mut ids: Vec<&RequestId> = later.map(|later| &later.request).collect();
    ids.dedup();
    ids.len() <= IDS_KEPT
}

fn unpack_records(packed: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let (length, rest) = packed.split_first_chunk::<4>().ok_or_else(|| corrupt("salts"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let (mut salts, rest) = rest.split_at_checked(length).ok_or_else(|| corrupt("salts"))?;
    let mut text = String::new();
    let unpacked = brotli::Decompressor::new(rest, 4096).take(UNPACKED_MAX).read_to_string(&mut text);
    unpacked.map_err(|_| corrupt(RECORDS))?;
    let mut lines = text.lines();
    let head = lines.next().and_then(|head| head.split_once(' '));
    let Some((FORM, last_hash)) = head else { return Err(corrupt("the form")) };
    let mut entries: Vec<Entry> = Vec::new();
    let mut nonce = String::new();
    for line in lines {
        let entry = unpack_record(line, &entries, &mut nonce, &mut salts)?;
        entries.push(entry);
    }
    let last = entries.last_mut().ok_or_else(|| corrupt("record 0"))?;
    // Whoever checks the chain sees it when the records are others than those that were played.
    last.hash = last_hash.parse()?;
    Ok(entries)
}

fn unpack_record(
    line: &str,
    before: &[Entry],
    nonce: &mut String,
    salts: &mut &[u8],
) -> Result<Entry, StoreError> {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().ok_or_else(|| corrupt("a record"));
    let (head, mark, record) = (word()?, word()?, word()?);
    let (seat, since_ms) = head.split_at_checked(1).ok_or_else(|| corrupt("a record"))?;
    let seat = if seat == "1" { Seat::First } else { Seat::Second };
    let record = Record::from_str(record)?;
    if let (Record::Start(start), true) = (&record, before.is_empty()) {
        let Start { nonce: own, .. } = &**start;
        own.clone_into(nonce);
    }
    let last = before.last();
    let hash = last.map(|last| last.hash.clone()).unwrap_or_default();
    let at = Tip { number: u32::try_from(before.len()).unwrap_or(u32::MAX), hash };
    let (sign, id) = mark.split_at_checked(1).ok_or_else(|| corrupt("a record"))?;
    let request = if id.is_empty() { RequestId::withheld() } else { id.parse()? };
    let salt = match sign {
        "-" => None,
        "=" => Some(Salt::of(nonce, &at, seat)),
        "*" => {
            let (salt, rest) =
                salts.split_first_chunk::<{ Salt::BYTES }>().ok_or_else(|| corrupt("salts"))?;
            *salts = rest;
            Some(Salt(*salt))
        }
        _ => return Err(corrupt("a record")),
    };
    let since_ms: u64 = since_ms.parse().map_err(|_| corrupt("a time"))?;
    let mut entry = Entry {
        hash: Hash::default(),
        request,
        seat,
        record,
        time_ms: last.map_or(0, |last| last.time_ms).saturating_add(since_ms),
        salt,
    };
    entry.hash = entry.hash_after(&at.hash, at.number).unwrap_or_default();
    Ok(entry)
}
