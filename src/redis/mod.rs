//! The way to Redis: where a group is, who its primary is by its sentinels, the connections to it, and how all of them are.
//! In reading order: `authorities`, `url`, `roles` (where the groups are); `error`, `timeouts`, `slot`, `endpoint`,
//! `stranger`, `wire` (one connection); `sentinel`, `place`, `away`, `primary`, `group`, `saver`, `pool`, `script` (a group);
//! `condition`, `watch`, `health`, `care`, `watchdog`, `failover` (how it is, and what is done about that); `folder`,
//! `private` (a node's own Redis). Each uses only those before it.

pub mod authorities;
mod away;
pub mod care;
pub mod condition;
mod endpoint;
pub mod error;
pub mod failover;
mod folder;
pub mod group;
pub mod health;
mod place;
pub mod pool;
pub mod primary;
pub mod private;
pub mod roles;
mod saver;
pub mod script;
mod sentinel;
mod slot;
mod stranger;
pub mod timeouts;
pub mod url;
mod watch;
pub mod watchdog;
pub mod wire;
