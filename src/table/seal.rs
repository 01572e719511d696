//! The third copy of a record: sealed with the cluster's key, so that a browser can keep it and give it back, but neither
//! read nor change it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use super::record::Entry;
use crate::ids::TableId;

/// Records given to a browser with one view, at most: the last ones.
pub const SEALED_MAX: usize = 32;
/// Bytes of a cluster's key.
pub const KEY_BYTES: usize = 32;
/// Bytes of the number that makes each seal another one; it may be known, and is never used twice.
pub const NONCE_BYTES: usize = 24;
/// What is sealed is filled up to so many bytes, which every record but the first fits into, so that its length tells nothing
/// of a hidden card; the first one, which holds both decks whatever their order, to a multiple of them.
const FILLED_TO: usize = 256;

/// A key that all nodes of a cluster share.
#[derive(Clone)]
pub struct SealKey {
    cipher: XChaCha20Poly1305,
}

/// A record with its number.
#[derive(Serialize, Deserialize)]
struct Sealed {
    number: u32,
    entry: Entry,
}

impl SealKey {
    /// The key made of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(bytes.into()) }
    }

    /// Seals a record of a table.
    pub fn seal(&self, table: TableId, number: u32, entry: &Entry, nonce: [u8; NONCE_BYTES]) -> String {
        let sealed = Sealed { number, entry: entry.clone() };
        let mut text = serde_json::to_vec(&sealed).expect("a record has string keys and finite numbers");
        text.resize(text.len().next_multiple_of(FILLED_TO), b' ');
        self.seal_text(&table.to_string(), &text, nonce)
    }

    /// Seals a text for one purpose, under which alone it can be opened.
    pub fn seal_text(&self, purpose: &str, text: &[u8], nonce: [u8; NONCE_BYTES]) -> String {
        let payload = Payload { msg: text, aad: purpose.as_bytes() };
        let closed = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("what is sealed is short");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &closed].concat())
    }

    /// What was sealed with this key for this purpose; nothing for anything else.
    pub fn open_text(&self, purpose: &str, seal: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(seal).ok()?;
        let (nonce, closed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: closed, aad: purpose.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    /// The record of this table that was sealed with this key, and its number; nothing for anything else.
    pub fn open(&self, table: TableId, seal: &str) -> Option<(u32, Entry)> {
        let text = self.open_text(&table.to_string(), seal)?;
        let Sealed { number, entry } = serde_json::from_slice(&text).ok()?;
        Some((number, entry))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FILLED_TO, KEY_BYTES, NONCE_BYTES, SealKey};
    use crate::ids::{RequestId, TableId};
    use crate::rules::seat::Seat;
    use crate::table::record::{Entry, Salt, Tip};

    fn entry(record: &str) -> Entry {
        Entry {
            hash: "00112233445566778899aabbccddeeff".parse().expect("a hash"),
            request: "r-1".parse().expect("an id"),
            seat: Seat::Second,
            record: record.parse().expect("a record"),
            time_ms: 7,
            salt: None,
        }
    }

    #[test]
    fn only_the_same_key_and_table_open_a_seal() {
        let (key, table) = (SealKey::new(&[1; KEY_BYTES]), TableId(uuid::Uuid::from_u128(1)));
        let seal = key.seal(table, 12, &entry("return b10 g3"), [5; NONCE_BYTES]);
        assert_eq!(key.open(table, &seal), Some((12, entry("return b10 g3"))));
        assert_eq!(SealKey::new(&[2; KEY_BYTES]).open(table, &seal), None);
        assert_eq!(key.open(TableId(uuid::Uuid::from_u128(2)), &seal), None);
        for at in [0, 40, seal.len() - 1] {
            let mut forged = seal.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open(table, &String::from_utf8(forged).expect("text")), None, "changed at {at}");
        }
        for nonsense in ["", "A", "not base64!", &"A".repeat(500)] {
            assert_eq!(key.open(table, nonsense), None);
        }
    }

    #[test]
    fn the_length_of_a_seal_tells_nothing_of_the_record() {
        let (key, table) = (SealKey::new(&[1; KEY_BYTES]), TableId(uuid::Uuid::from_u128(1)));
        let longest = "r".repeat(RequestId::MAX);
        let mut lengths = BTreeSet::new();
        for record in
            ["return b10 g10", "return b1 Mu", "return r2", "draw t", "end", "save", "Re r10@x", "absent"]
        {
            for (number, request, time_ms) in [(1, "r", 0), (u32::MAX, longest.as_str(), u64::MAX)] {
                let request = request.parse().expect("an id");
                let salt = Some(Salt::of("00ff", &Tip::default(), Seat::First));
                let entry = Entry { request, time_ms, salt, ..entry(record) };
                lengths.insert(key.seal(table, number, &entry, [5; NONCE_BYTES]).len());
            }
        }
        assert_eq!(lengths.len(), 1, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length > FILLED_TO));
    }
}
