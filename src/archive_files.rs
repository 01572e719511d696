//! `nineflags archive`: finished games as files, one each, and the proof that each is what was played.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::ids::TableId;
use crate::redis::error::StoreError;
use crate::rules::game::Game;
use crate::rules::seat::Seat;
use crate::store::Store;
use crate::store::archive::{ArchivedGame, Keep};
use crate::store::dates;
use crate::store::packed::result_of;
use crate::table::copy::Copy;
use crate::table::record::KINDS;

/// The ending of a game's file name.
const ENDING: &str = "json";

/// Why the work could not be done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("there is no finished game {0}")]
    NoGame(TableId),
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
}

/// What came of the work.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Games written, taken in, or looked at.
    pub games: usize,
    /// Games that were there already.
    pub already: usize,
    /// Games that are not what was played, each with a reason.
    pub faults: Vec<String>,
}

/// Writes every finished game that is not there yet into a folder. A file appears whole or not at all.
pub async fn export(store: &Store, folder: &Path) -> Result<Outcome, FilesError> {
    fs::create_dir_all(folder).map_err(in_file(folder))?;
    let mut outcome = Outcome::default();
    let mut cursor = 0;
    loop {
        let (next, tables) = store.archive_scan(cursor).await?;
        for table in tables {
            let path = folder.join(format!("{table}.{ENDING}"));
            if path.exists() {
                outcome.already += 1;
            } else {
                match store.archive_read(table).await {
                    Ok(Some(game)) => {
                        write(&path, &game).map_err(in_file(&path))?;
                        outcome.games += 1;
                    }
                    Ok(None) => {}
                    // One that cannot be understood keeps no other from being written.
                    Err(StoreError::Corrupt(words)) => outcome.faults.push(format!("{table}: {words}")),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        cursor = next;
        if cursor == 0 {
            return Ok(outcome);
        }
    }
}

/// Takes the games of a folder into the archive and its lists; may be repeated. What is not what was played is left out.
pub async fn import(store: &Store, folder: &Path) -> Result<Outcome, FilesError> {
    let mut outcome = Outcome::default();
    let (live, _) = store.nodes().await?;
    store.set_kinds_known(live.iter().map(|node| node.records).min().unwrap_or(KINDS));
    for path in files(folder)? {
        let game = match read(&path)? {
            Ok(game) => game,
            Err(words) => {
                outcome.faults.push(words);
                continue;
            }
        };
        match store.archive_read(game.table).await? {
            // Not all ids are kept.
            Some(held) if held.clone().without_ids() != game.clone().without_ids() => {
                outcome.faults.push(format!("{}: the archive holds another game by this id", path.display()));
                continue;
            }
            Some(_) => outcome.already += 1,
            None => outcome.games += 1,
        }
        // Also one that is there already: its place in the lists may have been lost.
        store.archive_put(&game, Keep::ForEver).await?;
    }
    Ok(outcome)
}

/// A finished game in words: who played, how it ended, and its records.
pub async fn show(store: &Store, table: TableId) -> Result<String, FilesError> {
    let Some(game) = store.archive_read(table).await? else {
        return Err(FilesError::NoGame(table));
    };
    let players = Seat::BOTH
        .map(|seat| format!("{:<8}{}, account {}", seat.to_string(), game.names[seat], game.accounts[seat]));
    let result = game.ending.map_or_else(|| "none".to_owned(), result_of);
    let format = if game.entries.iter().all(|entry| entry.salt.is_some()) { "salted" } else { "format 1" };
    let checked =
        check(&game).map_or_else(|words| format!("not as it was played: {words}"), |_| "sound".to_owned());
    let head = [
        format!("game    {table}"),
        players.join("\n"),
        format!("result  {result}, flags {}", game.flags),
        format!("played  {} to {}", dates::text_of(game.started_ms), dates::text_of(game.ended_ms)),
        format!("records {} ({format}), {checked}\n", game.entries.len()),
    ];
    let records = game.entries.iter().enumerate().map(|(number, entry)| {
        let (time, seat) = (dates::text_of(entry.time_ms), entry.seat.to_string());
        format!("{number:>4}  {time}  {seat:<6}  {}", entry.record)
    });
    let mut text = head.into_iter().chain(records).collect::<Vec<String>>().join("\n");
    text.push('\n');
    Ok(text)
}

pub fn verify_files(folder: &Path) -> Result<Outcome, FilesError> {
    let mut outcome = Outcome::default();
    for path in files(folder)? {
        outcome.games += 1;
        outcome.faults.extend(read(&path)?.err());
    }
    Ok(outcome)
}

pub async fn verify_store(store: &Store) -> Result<Outcome, FilesError> {
    let mut outcome = Outcome::default();
    let mut cursor = 0;
    loop {
        let (next, tables) = store.archive_scan(cursor).await?;
        for table in tables {
            outcome.games += 1;
            let checked = match store.archive_read(table).await {
                Ok(Some(game)) if game.table != table => Err(format!("it is the game {}", game.table)),
                Ok(Some(game)) => check(&game).map(drop),
                Ok(None) => Ok(()),
                Err(StoreError::Corrupt(words)) => Err(words),
                Err(error) => return Err(error.into()),
            };
            outcome.faults.extend(checked.err().map(|words| format!("{table}: {words}")));
        }
        cursor = next;
        if cursor == 0 {
            return Ok(outcome);
        }
    }
}

/// Replays a finished game: the hash chain, every move by the rules, the decks against the commitment, and all that the
/// game says of itself against its records. Gives the copy they make.
pub fn check(game: &ArchivedGame) -> Result<Copy, String> {
    let copy = Copy::from_entries(game.table, game.entries.clone())
        .map_err(|broken| format!("it does not replay: {broken}"))?;
    if copy.game().and_then(Game::ending).is_none() {
        return Err("it has no end".to_owned());
    }
    if copy.commitment() != game.commitment {
        return Err("it was played with other decks than those committed to".to_owned());
    }
    if ArchivedGame::of(&copy).as_ref() != Some(game) {
        return Err("it says of itself what its records do not say".to_owned());
    }
    Ok(copy)
}

/// The games' files of a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(in_file(folder))? {
        let path = entry.map_err(in_file(folder))?.path();
        if path.extension() == Some(OsStr::new(ENDING)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads and checks a game's file; the inner error says why it is not what was played.
fn read(path: &Path) -> Result<Result<ArchivedGame, String>, FilesError> {
    let bytes = fs::read(path).map_err(in_file(path))?;
    let read = || {
        let game: ArchivedGame = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        let name = path.file_stem().and_then(OsStr::to_str);
        if name.and_then(|name| name.parse::<TableId>().ok()) != Some(game.table) {
            return Err(format!("it is the game {}", game.table));
        }
        check(&game)?;
        Ok(game)
    };
    Ok(read().map_err(|words| format!("{}: {words}", path.display())))
}

fn write(path: &Path, game: &ArchivedGame) -> std::io::Result<()> {
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished)?;
    serde_json::to_writer_pretty(&mut file, game)?;
    file.write_all(b"\n")?;
    // On the disk before it gets its name, so that no power cut leaves half a game there.
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn in_file(path: &Path) -> impl Fn(std::io::Error) -> FilesError {
    |error| FilesError::File { path: path.to_owned(), error }
}
