//! The operating system's randomness: the only source of chance in the product.

use crate::rules::card::Decks;
use crate::table::record::hex;

/// Random bytes. The system's source does not fail once it has been seeded at boot.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

/// A number below `bound`, each with equal chance: numbers from the uneven rest are drawn again.
pub fn below(bound: u32) -> u32 {
    let even = u32::MAX - u32::MAX % bound;
    loop {
        let number = u32::from_le_bytes(bytes());
        if number < even {
            return number % bound;
        }
    }
}

/// 256 random bits in hex.
pub fn nonce() -> String {
    hex(&bytes::<32>())
}

/// Both decks, shuffled.
#[cfg(not(feature = "test-decks"))]
pub fn decks() -> Decks {
    Decks::shuffled(below)
}

/// The decks a test has chosen, or both shuffled if it has chosen none.
#[cfg(feature = "test-decks")]
pub fn decks() -> Decks {
    chosen::decks().unwrap_or_else(|| Decks::shuffled(below))
}

/// The entry for tests that play a game whose cards are known: in no normal build.
#[cfg(feature = "test-decks")]
mod chosen {
    use std::collections::HashMap;

    use crate::rules::card::Decks;

    /// The file of the decks: `{"troops": [60 codes], "tactics": [10 codes]}`, the top card first; the first seat's
    /// hand is dealt from the top, then the second seat's.
    const FILE: &str = "NINEFLAGS_TEST_DECKS";

    /// The decks in the file, if one is named. A wrong one ends the table's start: a test must not go on without.
    pub fn decks() -> Option<Decks> {
        let path = std::env::var_os(FILE)?;
        let text = std::fs::read_to_string(path).expect("the file of the chosen decks can be read");
        let codes: HashMap<String, Vec<String>> = serde_json::from_str(&text).expect("the decks are JSON");
        let decks = Decks { troops: cards(&codes["troops"]), tactics: cards(&codes["tactics"]) };
        decks.check().expect("the decks are whole");
        Some(decks)
    }

    fn cards<T: std::str::FromStr<Err = crate::ids::Malformed>>(codes: &[String]) -> Vec<T> {
        codes.iter().map(|code| code.parse().expect("a card of that deck")).collect()
    }
}
