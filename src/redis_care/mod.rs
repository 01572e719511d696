//! Care for Redis groups with sentinels: a failover in order, on demand, and help for sentinels that are stuck.

pub mod failover;
pub mod watchdog;
