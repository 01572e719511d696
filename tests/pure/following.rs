//! How a node's mirror follows the lobby: what counts of what it hears, and when the lobby is read again.

use std::time::Duration;

use nineflags::ids::AccountId;
use nineflags::lobby::event::{LobbyChange, Versioned};
use nineflags::lobby::following::{Following, READ_EVERY};
use nineflags::lobby::{Applied, Lobby, Snapshot};

fn comes(version: u64, name: &str) -> Versioned {
    let name = name.parse().expect("a name");
    Versioned { version, change: LobbyChange::PlayerIn { account: AccountId::random(), name, guest: false } }
}

/// Who is online after a failover, by the changes that were heard over either connection.
fn after_a_failover(counts: impl Fn(&Following, u64) -> bool) -> [bool; 2] {
    let (mut following, now) = (Following::default(), Duration::from_secs(9));
    following.missed(now, 1);
    // Ann came while the old primary went on; the new one never had that, and gives its number to Bob's coming.
    let heard = [(0, comes(5, "Ann")), (1, comes(5, "Bob"))];
    let mut lobby = Lobby::from_snapshot(Snapshot { version: 4, ..Snapshot::default() });
    for (connection, change) in heard {
        if counts(&following, connection) {
            following.applied(now, lobby.apply(&change));
        }
    }
    ["Ann", "Bob"].map(|name| lobby.player(&name.parse().expect("a name")).is_some())
}

#[test]
fn what_only_an_old_primary_had_counts_no_more() {
    assert_eq!(after_a_failover(Following::counts), [false, true]);
    // Without a look at the connection the mirror would be wrong for good.
    assert_eq!(after_a_failover(|_, _| true), [true, false]);
}

#[test]
fn the_lobby_is_read_after_a_gap_and_seldom() {
    let (mut following, now) = (Following::default(), Duration::from_secs(9));
    following.applied(now, Applied::Changed);
    assert_eq!(following.read_at(), None);
    following.applied(now, Applied::Gap);
    assert_eq!(following.read_at(), Some(now));
    following.reads(now);
    assert_eq!(following.read_at(), None);
    following.applied(now, Applied::Gap);
    assert_eq!(following.read_at(), Some(now + READ_EVERY));
    following.reads(now + READ_EVERY);
    following.failed();
    assert_eq!(following.read_at(), Some(now + 2 * READ_EVERY));
}
