//! One schedule of the lobby: players come, invite, start and finish games over nodes that fail, and every node mirrors it.

mod held;
mod judge;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use nineflags::lobby::Lobby;
use nineflags::lobby::event::Versioned;

use super::redis::{Deaf, Group, Line, Offset};
use crate::model::dice::Dice;
use crate::model::lobby::{Command, Held, Leaves, PLAYERS, Place, Reply};

/// The nodes of a schedule.
const NODES: usize = 3;
/// Steps with faults.
const STEPS: usize = 300;
/// Rounds in which what was lost by the faults is done again.
const ROUNDS: usize = 8;
/// Letters of one round, at most.
const LETTERS_MAX: usize = 20_000;

/// What a schedule of the lobby may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LobbyPlan {
    pub(super) failovers: bool,
    pub(super) without: Without,
}

/// One safeguard of the lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Without {
    /// None is left out.
    #[default]
    Nothing,
    /// Accepting takes no seat of who plays already, and voids the other invites.
    SeatCheck,
    /// Accepting takes both seats.
    BothSeats,
    /// A session that leaves takes out nobody but itself.
    LeaveCheck,
    /// A start is answered when it is saved.
    Settled,
    /// An invite, its end and a block are answered when they are saved.
    SettledAnswers,
    /// A game is in the archive before its table is closed.
    Order,
    /// A game is put into the archive once.
    Once,
    /// What dead nodes left behind is looked after.
    Reap,
    /// A gap in the lobby's changes is read again.
    Gap,
    /// Sessions are compared with the store.
    Compare,
    /// What the store holds of a node is compared with its sessions.
    Sweep,
}

impl Without {
    /// What the scripts leave out.
    fn leaves(self) -> Leaves {
        match self {
            Without::SeatCheck => Leaves::SeatCheck,
            Without::BothSeats => Leaves::BothSeats,
            Without::LeaveCheck => Leaves::LeaveCheck,
            Without::Once => Leaves::Once,
            _ => Leaves::Nothing,
        }
    }
}

/// What happened, to see that the schedules are not idle.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LobbyTally {
    pub(super) started: usize,
    pub(super) archived: usize,
    pub(super) entered: usize,
    pub(super) gaps: usize,
    pub(super) promised: usize,
}

impl std::ops::AddAssign for LobbyTally {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.archived += other.archived;
        self.entered += other.entered;
        self.gaps += other.gaps;
        self.promised += other.promised;
    }
}

pub(super) type Checked<T> = Result<T, String>;

#[derive(Debug, Clone)]
enum Letter {
    Ask {
        from: Place,
        server: usize,
        exchange: u64,
        command: Command,
    },
    Reply {
        to: Place,
        exchange: u64,
        reply: Result<Reply, Deaf>,
    },
    /// An answer that is given when all that the server had then is saved.
    Settling {
        to: Place,
        server: usize,
        offset: Offset,
        exchange: u64,
    },
    Changed {
        to: Place,
        line: Line,
        change: Versioned,
    },
    TakenOver {
        to: Place,
        line: Line,
        player: usize,
        session: u32,
    },
    Switch {
        to: Place,
    },
}

struct Node {
    life: u32,
    stopped: bool,
    primary: usize,
    hears: Line,
    deaf: bool,
    mirror: Lobby,
    /// The lobby is to be read, and was not yet.
    reading: bool,
    /// What was heard meanwhile.
    heard: Vec<Versioned>,
    sessions: [Option<(u32, bool)>; PLAYERS],
    errands: Vec<(u64, Command)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Person {
    place: Option<Place>,
    session: u32,
    /// An invite is being accepted.
    waits: bool,
    /// It closed its last tab, and comes back only by chance.
    gone: bool,
}

/// What players are told about, but tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// An invite from one player to another.
    Invite(usize, usize),
    /// A block of one player for another.
    Block(usize, usize),
}

/// What the last request came to that was carried out.
#[derive(Debug, Clone, Copy)]
struct Promise {
    exchange: u64,
    /// It is there from now on, or is not.
    stands: bool,
    /// Whoever asked was answered so.
    told: bool,
}

pub(super) struct LobbyWorld {
    plan: LobbyPlan,
    dice: Dice,
    group: Group<Held>,
    nodes: Vec<Node>,
    persons: [Person; PLAYERS],
    letters: Vec<Letter>,
    /// Tables whose games are over: their streams say so.
    ended: BTreeSet<u128>,
    /// Tables that somebody was told have started.
    told: Vec<u128>,
    /// What the last request about an invite or a block came to.
    promises: BTreeMap<About, Promise>,
    exchanges: u64,
    sessions: u32,
    tables: u128,
    tally: LobbyTally,
    /// What went wrong in a step.
    wrong: Option<String>,
    trace: Option<Vec<String>>,
}

impl LobbyWorld {
    pub(super) fn new(seed: u64, plan: LobbyPlan, traced: bool) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            dice.below(2);
        }
        Self {
            plan,
            dice,
            group: Group::with(&[]),
            nodes: (0..NODES).map(|_| Node::new(0, 0)).collect(),
            persons: [Person::default(); PLAYERS],
            letters: Vec::new(),
            ended: BTreeSet::new(),
            told: Vec::new(),
            promises: BTreeMap::new(),
            exchanges: 0,
            sessions: 1,
            tables: 1,
            tally: LobbyTally::default(),
            wrong: None,
            trace: traced.then(Vec::new),
        }
    }

    /// Runs the schedule to its end, and judges it; after a failure also tells what happened, if that was asked for.
    pub(super) fn run(mut self) -> Result<LobbyTally, (String, Vec<String>)> {
        let result = self.all_steps();
        result.map_err(|why| (why, self.trace.unwrap_or_default()))
    }

    fn all_steps(&mut self) -> Checked<LobbyTally> {
        for _ in 0..STEPS {
            self.step();
            self.check_step()?;
        }
        self.calm()?;
        self.judge()
    }

    fn place(&self, node: usize) -> Place {
        Place { node, life: self.nodes[node].life }
    }

    fn alive(&self, place: Place) -> bool {
        self.nodes[place.node].life == place.life
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(words());
        }
    }
}

impl Node {
    fn new(life: u32, primary: usize) -> Self {
        Self {
            life,
            stopped: false,
            primary,
            hears: Line::first(primary),
            deaf: false,
            mirror: Lobby::default(),
            reading: false,
            heard: Vec::new(),
            sessions: [None; PLAYERS],
            errands: Vec::new(),
        }
    }
}
