//! One schedule of the lobby: players come, invite, start and finish games over nodes that fail, and every node mirrors it.
//! What a node knows of its sessions and of the lobby, and what it decides, is the product's own code.

mod held;
mod judge;
mod nodes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nineflags::lobby::event::Versioned;

use self::nodes::Node;
use super::plan::{Fault, Faults};
use super::redis::{Deaf, Group, Line, Offset, SERVERS};
use crate::model::dice::Dice;
use crate::model::lobby::{Command, Held, Leases, Leaves, PLAYERS, Place, Reply};

/// The nodes of a schedule.
const NODES: usize = 3;
/// Steps with faults.
const STEPS: usize = 300;
/// Rounds in which what was lost by the faults is done again.
const ROUNDS: usize = 12;
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
    /// A node is dead whose lease had lapsed at two looks.
    Looks,
    /// Nobody is taken out of a node that lives.
    DeadCheck,
}

impl Without {
    /// What the scripts leave out.
    fn leaves(self) -> Leaves {
        match self {
            Without::SeatCheck => Leaves::SeatCheck,
            Without::BothSeats => Leaves::BothSeats,
            Without::LeaveCheck => Leaves::LeaveCheck,
            Without::Once => Leaves::Once,
            Without::DeadCheck => Leaves::DeadCheck,
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
    pub(super) reads: usize,
    pub(super) promised: usize,
    pub(super) faults: Faults,
}

impl std::ops::AddAssign for LobbyTally {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.archived += other.archived;
        self.entered += other.entered;
        self.reads += other.reads;
        self.promised += other.promised;
        self.faults += other.faults;
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
    now_ms: u64,
    /// Until when each node's lease stands at each server.
    leases: [BTreeMap<Place, u64>; SERVERS],
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
            nodes: (0..NODES).map(|_| Node::new(0, 0, Line::first(0))).collect(),
            persons: [Person::default(); PLAYERS],
            letters: Vec::new(),
            now_ms: 1_000,
            leases: Default::default(),
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

    /// All that happens in the schedule, in order.
    pub(in super::super) fn traced(mut self) -> Vec<String> {
        let result = self.all_steps();
        let mut trace = self.trace.unwrap_or_default();
        trace.push(format!("{result:?}"));
        trace
    }

    fn all_steps(&mut self) -> Checked<LobbyTally> {
        for node in 0..NODES {
            self.hear_anew(node);
            self.renew(node);
        }
        for _ in 0..STEPS {
            self.step();
            self.check_step()?;
        }
        self.calm()?;
        self.judge()
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms)
    }

    fn hit(&mut self, fault: Fault) {
        self.tally.faults.count(fault);
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
