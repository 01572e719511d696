//! A live copy of a game: its chain of records, and what may be appended to it. No I/O and no clock.

pub mod copy;
pub mod options;
pub mod record;
pub mod seal;
