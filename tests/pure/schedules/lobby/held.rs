//! The lobby's keys in a model Redis.

use nineflags::lobby::event::Versioned;

use super::super::redis::{Data, Deaf, Group};
use crate::model::lobby::{Command, Held, Leases, Leaves, Place, Reply, Write};

impl Data for Held {
    type Write = Write;

    fn take(&mut self, write: &Write) {
        Self::take(self, write);
    }
}

/// Runs a command at a server, and gives what it publishes to the lobby.
pub fn run(
    group: &mut Group<Held>,
    server: usize,
    from: Place,
    command: &Command,
    leaves: Leaves,
    standing: &Leases,
) -> (Result<Reply, Deaf>, Option<Versioned>) {
    let writes = !matches!(command, Command::Snapshot | Command::Online(_) | Command::Nodes);
    let able = if writes { group.may_write(server) } else { group.may_read(server) };
    if let Err(deaf) = able {
        return (Err(deaf), None);
    }
    let (reply, write) = group.server(server).data.weigh(from, command, leaves, standing);
    let Some(write) = write else { return (Ok(reply), None) };
    group.write(server, write.clone());
    (Ok(reply), group.server(server).data.told(&write))
}
