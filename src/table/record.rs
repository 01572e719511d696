//! Records: the one format in which games are backed up, published, saved and archived.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::options::{TableOptions, Talk};
use crate::ids::{AccountId, AccountName, Malformed, RequestId, TableId};
use crate::rules::card::{Decks, Tactic, Troop};
use crate::rules::game::{ClaimTiming, Environment, Options, Tactics};
use crate::rules::moves::Move;
use crate::rules::seat::{BySeat, Seat};

/// The version of record 0's format.
const FORMAT: &str = "1";
/// The newest set of record kinds this program knows. A program that knows more kinds has a higher number here, and
/// [`Record::since`] of the new ones gives it, so that they are used only once every live node knows them.
pub const KINDS: u32 = 2;
/// The set of kinds since which records are salted and finished games are stored packed: nodes of an older version read
/// neither.
pub const SALTED_SINCE: u32 = 2;

/// The hash of a record and all before it: the first 16 bytes of SHA-256, in text in hex. Empty before record 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, JsonSchema)]
#[schemars(transparent)]
pub struct Hash(#[schemars(with = "String", regex(pattern = "^([0-9a-f]{32})?$"))] Option<[u8; Hash::BYTES]>);

impl Hash {
    /// Its length.
    pub const BYTES: usize = 16;

    /// Its bytes; zeros before record 0.
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        self.0.unwrap_or_default()
    }

    /// The hash after one more record of format 1. Whoever can guess the request's id can try what the record is.
    #[must_use]
    pub fn next(&self, number: u32, request: &RequestId, seat: Seat, record: &Record) -> Hash {
        Self::of(&format!("{self}\n{number} {request} {seat} {record}"))
    }

    /// The hash after one more record of format 2: without the salt nobody can try what the record is.
    #[must_use]
    pub fn next_salted(&self, number: u32, salt: Salt, seat: Seat, record: &Record) -> Hash {
        let closed = Sha256::new().chain_update(salt.0).chain_update(record.to_string()).finalize();
        Self::of(&format!("{self}\n{number} {seat} {}", hex(&closed)))
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).first_chunk().copied())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |bytes| f.write_str(&hex(&bytes)))
    }
}

impl FromStr for Hash {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = Malformed("a hash is 32 hex digits, or nothing");
        Ok(Self(if text.is_empty() { None } else { Some(from_hex(text).ok_or(wrong)?) }))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What makes the hash of a record tell nothing of the record: random bytes, shown to players with the finished game only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt(pub [u8; Salt::BYTES]);

impl Salt {
    /// Its length.
    pub const BYTES: usize = 16;

    /// The salt of a seat's record after a tip. It comes from the game's nonce, which is random and nobody's until the end, so
    /// that a request repeated at another node makes the same record: a fork there would undo what follows.
    #[must_use]
    pub fn of(nonce: &str, at: &Tip, seat: Seat) -> Self {
        let digest = Sha256::digest(format!("salt\n{nonce}\n{}\n{} {seat}", at.hash, at.number));
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(&digest[..Self::BYTES]);
        Self(bytes)
    }
}

impl TryFrom<String> for Salt {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        from_hex(&text).map(Self).ok_or(Malformed("a salt is 32 hex digits"))
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        hex(&salt.0)
    }
}

/// How far a game is: how many records it has, and the hash of the last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tip {
    /// How many records.
    pub number: u32,
    /// The hash of the last one.
    pub hash: Hash,
}

/// A record with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The hash after it.
    pub hash: Hash,
    /// The request it was made by; all records of one request stand together. Withheld where nobody needs it: the hash
    /// of a salted record does not cover it, and it is nobody's but the asker's.
    #[serde(default, skip_serializing_if = "RequestId::is_withheld")]
    pub request: RequestId,
    /// Whose record it is.
    pub seat: Seat,
    /// The record.
    pub record: Record,
    /// When it was accepted: Redis' time, milliseconds since 1970; 0 until then.
    pub time_ms: u64,
    /// What its hash was made with; none in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
}

impl Entry {
    /// The hash it must have as record `number` after `previous`; nothing if that cannot be computed, since the id of a
    /// request is withheld that the hash of a record of format 1 covers.
    pub fn hash_after(&self, previous: &Hash, number: u32) -> Option<Hash> {
        match self.salt {
            Some(salt) => Some(previous.next_salted(number, salt, self.seat, &self.record)),
            None if self.request.is_withheld() => None,
            None => Some(previous.next(number, &self.request, self.seat, &self.record)),
        }
    }

    /// Whether a seat's request made it. Two seats may give their requests the same id; and no seat asks for the start or
    /// for the game to go on, whatever id these have.
    pub fn is_of(&self, seat: Seat, request: &RequestId) -> bool {
        let own = !matches!(self.record, Record::Start(_) | Record::Resume);
        own && self.seat == seat && self.request == *request
    }
}

/// An accepted change of a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Record 0.
    Start(Box<Start>),
    /// A move.
    Move(Move),
    /// The game is stopped, to be resumed.
    Save,
    /// It goes on.
    Resume,
    /// The other seat was away too long.
    Absent,
}

/// What record 0 holds: everything a game depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The game's id.
    pub game: TableId,
    /// The accounts on the seats.
    pub accounts: BySeat<AccountId>,
    /// Their names.
    pub names: BySeat<AccountName>,
    /// What is played by.
    pub options: TableOptions,
    /// Both decks in full.
    pub decks: Decks,
    /// Random hex, so that nobody can find the decks by trying all orders against the commitment.
    pub nonce: String,
}

impl Start {
    /// SHA-256, in hex, of the text of record 0: shown to the players at the start.
    pub fn commitment(&self) -> String {
        hex(&Sha256::digest(self.to_string().as_bytes()))
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = &self.options.rules;
        write!(f, "start {FORMAT} game={}", self.game)?;
        write!(f, " first={}:{}", self.accounts.first, self.names.first)?;
        write!(f, " second={}:{}", self.accounts.second, self.names.second)?;
        write!(f, " tactics={}", if rules.tactics == Tactics::On { "on" } else { "off" })?;
        write!(f, " claims={}", if rules.claim_timing == ClaimTiming::Any { "any" } else { "turn_start" })?;
        write!(
            f,
            " environment={}",
            if rules.environment == Environment::Fixed { "fixed" } else { "removable" }
        )?;
        write!(f, " hints={}", if self.options.claim_hints { "on" } else { "off" })?;
        let talk = match self.options.talk {
            Talk::Everyone => "everyone",
            Talk::Players => "players",
            Talk::Nobody => "nobody",
        };
        write!(f, " talk={talk}")?;
        write!(f, " troops={}", listed(&self.decks.troops))?;
        write!(f, " tactics_deck={}", listed(&self.decks.tactics))?;
        write!(f, " nonce={}", self.nonce)
    }
}

impl FromStr for Start {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fields = text.strip_prefix("start ").and_then(|rest| rest.strip_prefix(FORMAT));
        let fields = fields.ok_or(Malformed("record 0 is not of a known format"))?;
        let fields: HashMap<&str, &str> =
            fields.split_ascii_whitespace().filter_map(|field| field.split_once('=')).collect();
        let field = |name| fields.get(name).copied().ok_or(Malformed("a field of record 0 is missing"));
        let (first, first_name) = seated(field("first")?)?;
        let (second, second_name) = seated(field("second")?)?;
        let rules = Options {
            tactics: one_of(field("tactics")?, &[("on", Tactics::On), ("off", Tactics::Off)])?,
            claim_timing: one_of(
                field("claims")?,
                &[("any", ClaimTiming::Any), ("turn_start", ClaimTiming::TurnStart)],
            )?,
            environment: one_of(
                field("environment")?,
                &[("fixed", Environment::Fixed), ("removable", Environment::Removable)],
            )?,
        };
        let talk = [("everyone", Talk::Everyone), ("players", Talk::Players), ("nobody", Talk::Nobody)];
        let decks = Decks {
            troops: list::<Troop>(field("troops")?)?,
            tactics: list::<Tactic>(field("tactics_deck")?)?,
        };
        decks.check()?;
        Ok(Start {
            game: field("game")?.parse()?,
            accounts: BySeat { first, second },
            names: BySeat { first: first_name, second: second_name },
            options: TableOptions {
                rules,
                claim_hints: one_of(field("hints")?, &[("on", true), ("off", false)])?,
                talk: one_of(field("talk")?, &talk)?,
            },
            decks,
            nonce: field("nonce")?.to_owned(),
        })
    }
}

fn seated(text: &str) -> Result<(AccountId, AccountName), Malformed> {
    let (account, name) = text.split_once(':').ok_or(Malformed("a seat is an account and a name"))?;
    Ok((account.parse()?, name.parse()?))
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, Malformed> {
    let found = known.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or(Malformed("an option of record 0 is not known"))
}

fn listed<T: fmt::Display>(cards: &[T]) -> String {
    let codes: Vec<String> = cards.iter().map(ToString::to_string).collect();
    codes.join(",")
}

fn list<T: FromStr<Err = Malformed>>(text: &str) -> Result<Vec<T>, Malformed> {
    text.split(',').map(str::parse).collect()
}

impl Record {
    /// The set of kinds this kind of record came with: see [`KINDS`].
    pub fn since(&self) -> u32 {
        match self {
            Record::Start(_) | Record::Move(_) | Record::Save | Record::Resume | Record::Absent => 1,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Start(start) => start.fmt(f),
            Record::Move(mv) => mv.fmt(f),
            Record::Save => f.write_str("save"),
            Record::Resume => f.write_str("resume"),
            Record::Absent => f.write_str("absent"),
        }
    }
}

impl FromStr for Record {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "save" => Ok(Record::Save),
            "resume" => Ok(Record::Resume),
            "absent" => Ok(Record::Absent),
            _ if text.starts_with("start ") => Ok(Record::Start(Box::new(text.parse()?))),
            _ => Ok(Record::Move(text.parse()?)),
        }
    }
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|digit| match digit {
        0..=9 => char::from(b'0' + digit),
        _ => char::from(b'a' + digit - 10),
    }));
    text
}

/// Lower-case hex as bytes, if it is that and as long.
fn from_hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; BYTES];
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != BYTES {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
