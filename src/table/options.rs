//! What a table is played by, beyond the rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::game::Options;

/// What a table is played by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TableOptions {
    /// The rules.
    pub rules: Options,
    /// Whether views tell which claims would be granted.
    pub claim_hints: bool,
    /// Who may talk at the table.
    pub talk: Talk,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { rules: Options::default(), claim_hints: true, talk: Talk::Everyone }
    }
}

/// Who may talk at a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Talk {
    /// The players among themselves and the watchers among themselves.
    Everyone,
    /// The players among themselves only.
    Players,
    /// Nobody.
    Nobody,
}
