//! The game of Battle Line: cards, formations, claims, moves, views. No I/O, clock or random source.

pub mod card;
mod drawing;
mod ending;
pub mod few;
pub mod flag;
pub mod formation;
pub mod game;
pub mod illegal;
pub mod moves;
pub mod seat;
mod tactics;
pub mod troops;
pub mod view;
