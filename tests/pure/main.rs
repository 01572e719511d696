//! Tests that need no Redis and open no socket: each takes seconds at most.

mod brute;
mod choices;
mod claims;
mod conformance;
mod dice;
mod faults_page;
mod fuzz;
mod hashes;
mod house_rules;
mod judge;
mod limits;
mod load_judge;
mod lobby;
mod metrics;
mod mirror;
#[path = "../model/mod.rs"]
mod model;
mod names;
mod normal_build;
mod notation;
mod properties;
mod random_play;
mod recorded;
mod redis_urls;
mod rulings;
mod schedules;
mod scripted;
mod settings;
mod style;
mod table;
mod texts;
mod turns;
mod unsaved;
mod vectors;
mod views;
mod wire;
