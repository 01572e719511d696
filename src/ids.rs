//! Parsed identifiers: untrusted text becomes one of these once, or a refusal.

mod reserved;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not what it should be; the words say what is wrong and may be shown to a player.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id from the operating system's randomness, sortable by creation time.
            pub fn random() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                Uuid::try_parse(text).map(Self).map_err(|_| Malformed("that is not an id"))
            }
        }
    };
}

uuid_id!(
    /// An account, for ever; the name may be looked up from it.
    AccountId
);
uuid_id!(
    /// A table, and the game played at it: the same id in the backup, as saved game and in the archive.
    TableId
);
uuid_id!(
    /// An invite: another one between the same two players, after this one, has another id.
    InviteId
);
uuid_id!(
    /// One websocket.
    SessionId
);
uuid_id!(
    /// One run of a server process.
    NodeId
);

/// The id a browser gives a request, so that it can be repeated without harm: 1 to [`RequestId::MAX`]
/// letters, digits, `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(#[schemars(length(min = 1, max = 40), regex(pattern = "^[A-Za-z0-9_-]+$"))] String);

impl RequestId {
    /// The longest request id, in characters.
    pub const MAX: usize = 40;

    /// What stands where an id is not told; no request has it.
    pub fn withheld() -> Self {
        Self(String::new())
    }

    /// Whether the id is not told.
    pub fn is_withheld(&self) -> bool {
        self.0.is_empty()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::withheld()
    }
}

impl TryFrom<String> for RequestId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_name_byte);
        if fits { Ok(Self(text)) } else { Err(Malformed("a request id is 1 to 40 letters, digits, - or _")) }
    }
}

impl FromStr for RequestId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::try_from(text.to_owned())
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an account as its owner writes it: [`AccountName::MIN`] to [`AccountName::MAX`] ASCII letters,
/// digits, `-` and `_`. Two names that differ only in case are the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(#[schemars(length(min = 2, max = 20), regex(pattern = "^[A-Za-z0-9_-]+$"))] String);

impl AccountName {
    /// The shortest name, in characters.
    pub const MIN: usize = 2;
    /// The longest name, in characters.
    pub const MAX: usize = 20;

    /// The name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case: what must be unique.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What the name looks like: two names that are hard to tell apart have the same skeleton (the term of Unicode's
    /// Technical Standard 39). Of an account's names it must be unique.
    pub fn skeleton(&self) -> String {
        skeleton_of(&self.0)
    }

    /// Why nobody may choose this name from now on, if so; whoever has it keeps it.
    pub fn fault_as_new(&self) -> Option<Malformed> {
        if !self.0.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            Some(Malformed("a name has at least one letter"))
        } else if reserved::is_like_a_guest(&self.0) {
            Some(Malformed("names that begin with Guest- are for guests"))
        } else if reserved::is_like_the_site(&self.0) {
            Some(Malformed("that name is reserved, since it could pass for somebody who runs this site"))
        } else {
            None
        }
    }
}

/// What text looks like, letters that look alike being one.
fn skeleton_of(text: &str) -> String {
    let one = |letter: char| match letter.to_ascii_lowercase() {
        '-' | '_' => None,
        '1' | 'i' | 'l' => Some('l'),
        '0' | 'o' => Some('o'),
        '2' | 'z' => Some('z'),
        '5' | 's' => Some('s'),
        '8' | 'b' => Some('b'),
        other => Some(other),
    };
    let folded: String = text.chars().filter_map(one).collect();
    folded.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

impl TryFrom<String> for AccountName {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        if text.len() < Self::MIN {
            Err(Malformed("a name has at least 2 characters"))
        } else if !text.bytes().all(is_name_byte) {
            Err(Malformed("a name has letters a to z, digits, - and _ only"))
        } else if text.len() > Self::MAX {
            Err(Malformed("a name has at most 20 characters"))
        } else {
            Ok(Self(text))
        }
    }
}

impl FromStr for AccountName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::try_from(text.to_owned())
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
