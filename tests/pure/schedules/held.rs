//! What the servers of a schedule hold, and the scripts that change it.

use nineflags::table::copy::{Answer, Proposal};
use nineflags::table::record::{Entry, Tip};

use super::plan::Without;
use super::redis::{Data, Deaf, Group};
use crate::model::append::{Leaves, Stream};
pub use crate::model::lobby::{Live, Place};

/// A session that asks: the number of its seat, and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mover {
    /// 0 or 1.
    pub seat: usize,
    /// Sessions are counted over all schedules' accounts: a later one has a higher number.
    pub session: u32,
}

/// The keys of one group.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// `game:{table}`.
    pub stream: Stream,
    /// `online`, for both seats' accounts.
    pub online: [Option<Live>; 2],
    /// `archive:{table}`, as often as it was written.
    pub archive: Vec<Vec<Entry>>,
    /// `table:{table}` and both seats are gone.
    pub closed: bool,
}

/// One script's change.
#[derive(Debug, Clone)]
pub enum Write {
    /// Records are appended.
    Append(Vec<Entry>),
    /// A session is an account's live one.
    Enter(usize, Live),
    /// A finished game is kept.
    Archive(Vec<Entry>),
    /// The table is closed.
    Close,
}

impl Data for Held {
    type Write = Write;

    fn take(&mut self, write: &Write) {
        match write {
            Write::Append(entries) => self.stream.entries.extend_from_slice(entries),
            Write::Enter(seat, live) => self.online[*seat] = Some(*live),
            Write::Archive(entries) => self.archive.push(entries.clone()),
            Write::Close => self.closed = true,
        }
    }
}

/// What a node asks of a server.
#[derive(Debug, Clone)]
pub enum Command {
    /// `game_append`; without a mover when no session asked.
    Append(Proposal, Option<Mover>),
    /// The whole stream.
    Read,
    /// Whether a session is the live one.
    IsLive(Mover),
    /// Whether the table is there, of `table:{table}`.
    Info,
    /// Where the live session of a seat's account is.
    Where(usize),
    /// `player_enter`.
    Enter(Mover),
    /// How far the stream is, and which sessions are live.
    Compare,
    /// `archive_put`, answered when it is saved.
    Archive(Vec<Entry>),
    /// `table_close`.
    Close,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Of the append script.
    Append(Answer),
    /// The stream.
    Entries(Vec<Entry>),
    /// Whether the session is the live one.
    Live(bool),
    /// Whether the table is there.
    Info(bool),
    /// The live session.
    Where(Option<Live>),
    /// The session is the live one; the older one.
    Entered(Option<Live>),
    /// The tip, the live sessions, and whether the table is closed.
    Compared(Tip, [Option<Live>; 2], bool),
    /// It is done.
    Ok,
    /// Nothing was done.
    Failed(Deaf),
}

/// Runs a command at a server. The second part are records that were appended, for the checks and the channel.
pub fn run(
    group: &mut Group<Held>,
    server: usize,
    from: Place,
    command: &Command,
    now_ms: u64,
    without: Without,
) -> (Reply, Vec<Entry>) {
    let writes =
        matches!(command, Command::Append(..) | Command::Enter(_) | Command::Archive(_) | Command::Close);
    let able = if writes { group.may_write(server) } else { group.may_read(server) };
    if let Err(deaf) = able {
        return (Reply::Failed(deaf), Vec::new());
    }
    let held = &group.server(server).data;
    let reply = match command {
        Command::Append(proposal, mover) => {
            return append(group, server, proposal, *mover, now_ms, without);
        }
        Command::Read => Reply::Entries(held.stream.entries.clone()),
        Command::IsLive(mover) => Reply::Live(is_live(held, *mover)),
        Command::Info => Reply::Info(!held.closed),
        Command::Where(seat) => Reply::Where(held.online[*seat]),
        Command::Enter(mover) => {
            let older = held.online[mover.seat];
            group.write(server, Write::Enter(mover.seat, Live { place: from, session: mover.session }));
            Reply::Entered(older)
        }
        Command::Compare => Reply::Compared(held.stream.tip(), held.online, held.closed),
        Command::Archive(entries) => {
            if held.archive.is_empty() || without == Without::Once {
                group.write(server, Write::Archive(entries.clone()));
            }
            Reply::Ok
        }
        Command::Close => {
            if !held.closed {
                group.write(server, Write::Close);
            }
            Reply::Ok
        }
    };
    (reply, Vec::new())
}

fn is_live(held: &Held, mover: Mover) -> bool {
    held.online[mover.seat].is_some_and(|live| live.session == mover.session)
}

fn append(
    group: &mut Group<Held>,
    server: usize,
    proposal: &Proposal,
    mover: Option<Mover>,
    now_ms: u64,
    without: Without,
) -> (Reply, Vec<Entry>) {
    let leaves = Leaves {
        number: without == Without::Number,
        hash: false,
        request: without == Without::Request,
        session: without == Without::Session,
        times: without == Without::Times,
    };
    let held = &group.server(server).data;
    let live = mover.is_none_or(|mover| is_live(held, mover));
    let (answer, new) = held.stream.weigh(proposal, live, now_ms, leaves);
    if !new.is_empty() {
        group.write(server, Write::Append(new.clone()));
    }
    (Reply::Append(answer), new)
}
