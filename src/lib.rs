//! Nine Flags: a web game server for Battle Line.

pub mod archive_files;
pub mod chance;
pub mod cluster;
pub mod config;
pub mod fault;
pub mod http;
pub mod ids;
pub mod inspect;
pub mod judge;
pub mod limits;
pub mod load;
pub mod lobby;
pub mod metrics;
pub mod node;
pub mod outbox;
pub mod passwords;
pub mod protocol;
pub mod readiness;
pub mod rebalance;
pub mod redis_care;
pub mod redis_url;
pub mod rules;
pub mod session;
pub mod setting;
pub mod store;
pub mod table;
