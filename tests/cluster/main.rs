//! Real nodes, a real Redis, real websockets.

#[allow(dead_code, reason = "the program uses more of it")]
#[path = "../hostile/engine/mod.rs"]
mod attackers;
#[path = "../chaos/engine/mod.rs"]
mod engine;
#[path = "../model/mod.rs"]
mod model;
mod harness {
    pub mod authority;
    pub mod bot;
    pub mod browser;
    pub mod command;
    pub mod haproxy;
    pub mod host;
    pub mod lone;
    #[cfg(target_os = "linux")]
    pub mod namespaces;
    pub mod net;
    pub mod node;
    pub mod opponents;
    pub mod pair;
    pub mod party;
    pub mod player;
    pub mod process;
    pub mod ready;
    pub mod redis;
    pub mod relay;
    pub mod sentinel;
    pub mod site;
    pub mod spread;
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has hosts to join"))]
    pub mod switch;
    #[cfg(target_os = "linux")]
    pub mod tap;
    pub mod trio;
}
mod accounts;
mod append;
mod archive;
mod attacks;
mod attempts;
mod balancer;
mod centres;
mod chaos;
mod child;
#[cfg(feature = "test-decks")]
mod decks;
mod deploy;
mod edge;
mod ends;
#[cfg(feature = "test-decks")]
mod equal;
mod failovers;
mod flooded;
mod floods;
mod games;
mod groups;
mod health;
mod hostile;
mod hung;
mod identity;
mod inspect;
mod load;
mod lobby_scripts;
mod logins;
mod losses;
mod measures;
mod meet;
mod near;
mod nodes;
mod partitions;
mod play;
mod presence;
mod reaping;
mod rebalance;
mod records;
mod redis_care;
mod redis_faults;
mod redis_settings;
mod redis_tls;
mod redis_words;
mod rolling;
#[cfg(feature = "test-hooks")]
mod routes;
mod safeguards;
mod saved_games;
mod scripts;
mod secrets;
mod sentinel;
#[cfg(feature = "test-hooks")]
mod steps;
mod stored;
#[cfg(feature = "test-hooks")]
mod strangers;
mod supervised;
mod traces;
mod unsaved;
mod zombies;
