//! What pure and cluster tests share: models that say what is right.

pub mod append;
pub mod dice;
pub mod game;
pub mod lobby;
