//! One schedule of one game: nodes, browsers, Redis groups and letters between them, with every fault and every check.

mod browser;
mod checks;
mod driver;
mod exchange;
mod faults;
mod lines;

use nineflags::host::{Host, Input, Ticket};
use nineflags::rules::game::Game;
use nineflags::rules::seat::Seat;
use nineflags::table::copy::Copy;
use nineflags::table::record::Entry;

use self::browser::Browser;
use self::checks::Checks;
use self::driver::{Pending, Waits};
use self::lines::Letter;
use super::held::{Held, Live, Place, Write};
use super::plan::{Fault, Plan, Tally};
use super::redis::{Group, Line};
use crate::model::dice::Dice;
use crate::model::game::{request, start, table};

/// The nodes of a schedule.
const NODES: usize = 3;
/// Steps with faults.
const STEPS: usize = 250;
/// Letters of one round after the last fault, at most; far more than any schedule needs.
const LETTERS_MAX: usize = 20_000;
/// Rounds in which what was lost by the faults is sent again.
const ROUNDS: usize = 8;

pub(super) type Checked<T> = Result<T, String>;

/// A node in its present life.
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of a node")]
struct Node {
    life: u32,
    /// Stopped, to be continued: nothing reaches it.
    stopped: bool,
    /// The server of each group that it takes for the primary.
    primary: [usize; 2],
    /// The groups that have not answered lately.
    away: [bool; 2],
    /// The subscriber connections to the groups, and whether they have become silent.
    hears: [Line; 2],
    deaf: bool,
    /// Its exchanges are slow until then.
    slow_until_ms: u64,
    /// It is of the previous release.
    is_old: bool,
    /// It takes it that some are: each node does until it has looked.
    knows_old: bool,
    /// The table, where it is open.
    host: Option<Host>,
    /// What came before it was.
    early: Vec<Input>,
    /// The live session of each seat's account here, as far as the node knows.
    sessions: [Option<Session>; 2],
    /// What is waited for.
    pending: Vec<(u64, Pending)>,
    /// Who waits for answers of the host.
    waiting: Vec<(Ticket, Waits)>,
    tickets: Ticket,
}

/// A session at a node, and whether the store was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Session {
    number: u32,
    entered: bool,
}

impl Node {
    fn new(life: u32, primary: [usize; 2]) -> Self {
        Self {
            life,
            stopped: false,
            primary,
            away: [false; 2],
            hears: primary.map(Line::first),
            deaf: false,
            slow_until_ms: 0,
            is_old: false,
            knows_old: true,
            host: None,
            early: Vec::new(),
            sessions: [None; 2],
            pending: Vec::new(),
            waiting: Vec::new(),
            tickets: 0,
        }
    }
}

/// Everything there is in one schedule.
pub(super) struct World {
    plan: Plan,
    dice: Dice,
    /// The data group, and the group of the stream where that is another.
    groups: Vec<Group<Held>>,
    nodes: Vec<Node>,
    browsers: [Browser; 2],
    letters: Vec<Letter>,
    checks: Checks,
    now_ms: u64,
    exchanges: u64,
    sessions: u32,
    seed: u64,
    /// Record 0, as `table:{table}` holds it.
    start: Vec<Entry>,
    trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, plan: Plan, traced: bool) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        // The first numbers of small seeds are alike.
        for _ in 0..4 {
            dice.below(2);
        }
        let mut nodes: Vec<Node> = (0..NODES).map(|_| Node::new(0, [0, 0])).collect();
        for node in nodes.iter_mut().filter(|_| plan.mixed) {
            node.is_old = dice.chance(500);
        }
        let is_salted = if plan.mixed { nodes.iter().all(|node| !node.is_old) } else { seed % 4 > 1 };
        let mut copy = Copy::open(table());
        let first = copy.propose_start(&request("start"), start(&mut dice));
        let mut first = if is_salted { copy.salted(first) } else { first }.entries;
        first[0].time_ms = 1_000;
        copy.accept(0, &first);
        let live = |seat: u32| Live { place: Place { node: seat as usize, life: 0 }, session: seat };
        let data = [Write::Enter(0, live(0)), Write::Enter(1, live(1))];
        let mut base: Vec<Write> = if plan.apart { Vec::new() } else { data.to_vec() };
        base.push(Write::Append(first.clone()));
        let mut groups = vec![Group::with(&base)];
        if plan.apart {
            groups.insert(0, Group::with(&data));
        }
        let mut world = Self {
            seed,
            plan,
            groups,
            nodes,
            browsers: [Seat::First, Seat::Second].map(|seat| Browser::new(seat, copy.tip())),
            dice,
            letters: Vec::new(),
            checks: Checks::default(),
            now_ms: 1_000,
            exchanges: 0,
            sessions: 2,
            start: first,
            trace: traced.then(Vec::new),
        };
        for number in 0..2 {
            let seat = number as usize;
            world.nodes[seat].sessions[seat] = Some(Session { number, entered: true });
            world.begin(seat).expect("a game begins");
        }
        world
    }

    /// A seat's browser is shown the game at its node.
    fn begin(&mut self, seat: usize) -> Checked<()> {
        self.open_with(seat)?;
        let session = self.browsers[seat].session;
        match self.join(seat, seat, session) {
            Some(input) => self.input(seat, input),
            None => Err("nobody is there".to_owned()),
        }
    }

    /// Runs the schedule to its end, and judges it; after a failure also tells what happened, if that was asked for.
    pub(super) fn run(mut self) -> Result<Tally, (String, Vec<String>)> {
        let result = self.all_steps();
        result.map_err(|why| (why, self.trace.unwrap_or_default()))
    }

    /// All that happens in the schedule, in order.
    pub(super) fn traced(mut self) -> Vec<String> {
        let result = self.all_steps();
        let mut trace = self.trace.unwrap_or_default();
        trace.push(format!("{result:?}"));
        trace
    }

    fn all_steps(&mut self) -> Checked<Tally> {
        for _ in 0..STEPS {
            self.step()?;
            self.check_step()?;
        }
        self.calm()?;
        self.judge()
    }

    /// The group of the stream.
    fn shard(&self) -> usize {
        usize::from(self.plan.apart)
    }

    fn place(&self, node: usize) -> Place {
        Place { node, life: self.nodes[node].life }
    }

    fn alive(&self, place: Place) -> bool {
        self.nodes[place.node].life == place.life
    }

    fn hit(&mut self, fault: Fault) {
        self.checks.tally.faults.count(fault);
    }

    fn note(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let words = words(self);
            self.trace.iter_mut().for_each(|trace| trace.push(words.clone()));
        }
    }

    fn step(&mut self) -> Checked<()> {
        self.now_ms += 1 + self.dice.below(300) as u64;
        for group in &mut self.groups {
            group.step(&mut self.dice);
        }
        if self.dice.below(2) == 0 {
            let node = self.dice.below(NODES);
            self.wake(node)?;
        }
        if self.plan.rough && self.dice.chance(150) {
            self.fault()?;
        }
        match self.dice.below(1_000) {
            0..=449 => self.deliver_one(),
            450..=699 => {
                let browser = self.dice.below(2);
                self.act(browser)
            }
            700..=739 => {
                self.lose_one();
                Ok(())
            }
            740..=764 => {
                self.double_one();
                Ok(())
            }
            765..=804 => {
                let node = self.dice.below(NODES);
                self.give_up(node)
            }
            805..=834 => {
                let node = self.dice.below(NODES);
                self.beat(node);
                Ok(())
            }
            835..=884 => {
                let node = self.dice.below(NODES);
                self.probe(node)
            }
            _ => self.fault(),
        }
    }

    /// No more faults: everything answers, all letters arrive, what is open is sent again, every node compares.
    fn calm(&mut self) -> Checked<()> {
        self.note(|_| "calm".to_owned());
        for group in 0..self.groups.len() {
            self.come_back(group, None);
        }
        for node in 0..NODES {
            self.nodes[node].slow_until_ms = 0;
            if self.nodes[node].stopped {
                self.stop_or_continue(node)?;
            }
        }
        for _ in 0..ROUNDS {
            self.now_ms += 1_000;
            for node in 0..NODES {
                self.give_up(node)?;
                for group in 0..self.groups.len() {
                    self.switch(node, group)?;
                }
                self.probe(node)?;
                self.wake(node)?;
                self.beat(node);
            }
            for browser in [0, 1] {
                self.come_again(browser)?;
            }
            for _ in 0..LETTERS_MAX {
                if self.letters.is_empty() {
                    break;
                }
                for group in &mut self.groups {
                    group.step(&mut self.dice);
                }
                self.deliver_one()?;
            }
            if !self.letters.is_empty() {
                return Err("letters without end".to_owned());
            }
            self.check_step()?;
        }
        Ok(())
    }
}

/// Whether a copy's game has ended.
fn is_over(copy: &Copy) -> bool {
    copy.game().and_then(Game::ending).is_some()
}
