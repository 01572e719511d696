//! One seat's browser: it moves between nodes, says what it has seen, and asks again until it knows a request's fate.

use nineflags::ids::RequestId;
use nineflags::protocol::viewer_of;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::table::copy::Intent;
use nineflags::table::record::{Entry, Tip};

use super::super::held::{Command, Mover, Place};
use super::super::plan::Without;
use super::keeper::{Task, Work};
use super::{Checked, NODES, Session, World};
use crate::model::game::{legal, request};

/// A browser and what it shows.
pub(super) struct Browser {
    pub(super) seat: Seat,
    /// Where it is connected.
    pub(super) place: Option<Place>,
    pub(super) session: u32,
    /// It has the whole view, and what it had seen before is in it or was answered for.
    pub(super) welcomed: bool,
    /// The tip of the view it shows.
    pub(super) shown: Tip,
    /// It was told that the game went back since it was shown something.
    pub(super) word: bool,
    pub(super) open: Option<Asked>,
    /// The records it was shown that were not saved, and the number of the first.
    pub(super) kept: (u32, Vec<Entry>),
    /// It was told that the table is closed.
    pub(super) over: bool,
    requests: u32,
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) browser: usize,
    pub(super) session: u32,
    pub(super) request: RequestId,
    pub(super) tip: Tip,
    pub(super) intent: Intent,
    pub(super) proposals: u32,
    /// The stream was read for it.
    pub(super) read: bool,
}

/// What a request is answered with.
pub(super) enum Fate {
    /// It is done; whether its records are unsaved.
    Done(Tip, bool),
    /// It changes nothing.
    Refused,
    /// Another session is the live one.
    NotLive,
    /// It may be asked again.
    Unknown,
}

impl Browser {
    pub(super) fn new(seat: Seat, shown: Tip) -> Self {
        let number = usize::from(seat == Seat::Second);
        Self {
            seat,
            place: Some(Place { node: number, life: 0 }),
            session: u32::try_from(number).expect("small"),
            welcomed: true,
            shown,
            word: false,
            open: None,
            kept: (0, Vec::new()),
            over: false,
            requests: 0,
        }
    }
}

impl World {
    /// The browser's node, while its websocket is open.
    fn node_of(&self, browser: usize) -> Option<usize> {
        let place = self.browsers[browser].place.filter(|place| self.alive(*place))?;
        let session = self.nodes[place.node].sessions[browser]?;
        (session.number == self.browsers[browser].session).then_some(place.node)
    }

    /// A browser does what is next for it.
    pub(super) fn act(&mut self, browser: usize) -> Checked<()> {
        if self.browsers[browser].over {
            return Ok(());
        }
        let Some(node) = self.node_of(browser) else {
            let node = self.dice.below(NODES);
            self.connect(browser, node);
            return Ok(());
        };
        if self.nodes[node].stopped {
            return Ok(());
        }
        if !self.browsers[browser].welcomed {
            return self.say_seen(browser, node);
        }
        if self.browsers[browser].open.is_none() {
            self.choose(browser, node);
        }
        self.ask_again(browser, node)
    }

    /// A browser asks for what it has not got an answer to, wherever it is.
    pub(super) fn come_again(&mut self, browser: usize) -> Checked<()> {
        if self.browsers[browser].over {
            return Ok(());
        }
        match self.node_of(browser) {
            None => {
                let node = self.dice.below(NODES);
                self.connect(browser, node);
                Ok(())
            }
            Some(node) if !self.browsers[browser].welcomed => self.say_seen(browser, node),
            Some(node) => self.ask_again(browser, node),
        }
    }

    fn ask_again(&mut self, browser: usize, node: usize) -> Checked<()> {
        let known = &self.nodes[node];
        let same = |asked: &Asked| asked.browser == browser;
        let waits = known.inbox.iter().any(|task| matches!(task, Task::Ask(asked) if same(asked)));
        let works = match &known.work {
            Some((_, Work::Live(asked, _) | Work::Append(asked, _))) => same(asked),
            Some((_, Work::Read(Some(Task::Ask(asked))) | Work::Heal(_, Some(Task::Ask(asked))))) => {
                same(asked)
            }
            _ => false,
        };
        let works = works || known.offered.as_ref().is_some_and(|own| same(&own.asked));
        let session = self.browsers[browser].session;
        match &self.browsers[browser].open {
            Some(open) if !waits && !works => {
                let asked = Asked { session, proposals: 0, read: false, ..open.clone() };
                self.give(node, Task::Ask(asked))
            }
            _ => Ok(()),
        }
    }

    /// The player chooses from the view shown.
    fn choose(&mut self, browser: usize, node: usize) {
        let Browser { seat, session, requests, .. } = self.browsers[browser];
        let Some(copy) = self.nodes[node].copy.as_ref() else { return };
        let current = copy.tip() == self.browsers[browser].shown;
        let Some(game) = copy.known_game().filter(|_| current) else { return };
        if game.turn().is_none() {
            return;
        }
        let rivals = self.plan.rivals && self.nodes[node].away[self.shard()];
        let in_1000 = match self.plan.rough {
            _ if rivals => 200,
            true => 60,
            false => 12,
        };
        let moves = if self.dice.chance(in_1000) {
            vec![Move::Resign]
        } else if game.turn() == Some(seat) {
            legal(&game, &mut self.dice)
        } else {
            return;
        };
        self.browsers[browser].requests += 1;
        self.browsers[browser].open = Some(Asked {
            browser,
            session,
            // Both seats give the same ids.
            request: request(&format!("r-{requests}")),
            tip: copy.tip(),
            intent: Intent::Moves(moves),
            proposals: 0,
            read: false,
        });
    }

    /// A browser opens a websocket at a node; the old one is closed, which a stopped node notices later.
    pub(super) fn connect(&mut self, browser: usize, node: usize) {
        if self.nodes[node].stopped || self.browsers[browser].over {
            return;
        }
        if let Some(old) = self.node_of(browser).filter(|old| !self.nodes[*old].stopped) {
            self.nodes[old].sessions[browser] = None;
        }
        let session = self.sessions;
        self.sessions += 1;
        self.nodes[node].sessions[browser] = Some(Session { number: session, entered: false });
        let place = Some(self.place(node));
        let known = &mut self.browsers[browser];
        (known.place, known.session, known.welcomed) = (place, session, false);
        self.note(|_| format!("browser {browser} opens session {session} at node {node}"));
        self.enter(browser, node);
    }

    fn enter(&mut self, browser: usize, node: usize) {
        let mover = Mover { seat: browser, session: self.browsers[browser].session };
        if self.nodes[node].errands.iter().all(|(_, other)| *other != mover) {
            let exchange = self.send(node, 0, Command::Enter(mover));
            self.nodes[node].errands.push((exchange, mover));
        }
    }

    /// The store knows the session: the browser says what it has seen.
    pub(super) fn entered(&mut self, node: usize, mover: Mover) -> Checked<()> {
        let Some(session) = self.nodes[node].sessions[mover.seat].as_mut() else { return Ok(()) };
        if session.number != mover.session {
            return Ok(());
        }
        session.entered = true;
        let browser = mover.seat;
        if self.browsers[browser].welcomed || self.node_of(browser) != Some(node) {
            return Ok(());
        }
        self.say_seen(browser, node)?;
        self.ask_again(browser, node)
    }

    fn say_seen(&mut self, browser: usize, node: usize) -> Checked<()> {
        let Browser { session, ref shown, .. } = self.browsers[browser];
        if !self.nodes[node].sessions[browser].is_some_and(|session| session.entered) {
            self.enter(browser, node);
            return Ok(());
        }
        let says = |task: &Task| matches!(task, Task::Seen { browser: other, .. } if *other == browser);
        let works = match &self.nodes[node].work {
            Some((_, Work::Read(Some(task)) | Work::Heal(_, Some(task)))) => says(task),
            _ => false,
        };
        if works || self.nodes[node].inbox.iter().any(says) {
            return Ok(());
        }
        let task = if self.plan.without == Without::Seen {
            Task::Welcome { browser, session }
        } else {
            Task::Seen { browser, session, tip: shown.clone(), looks: 0 }
        };
        self.give(node, task)
    }

    /// A session gets the whole view.
    pub(super) fn welcome(&mut self, node: usize, browser: usize, session: u32) -> Checked<()> {
        if self.node_of(browser) == Some(node) && self.browsers[browser].session == session {
            self.browsers[browser].welcomed = true;
            self.show_to(node, browser)?;
        }
        Ok(())
    }

    /// Shows a node's copy to its browsers.
    pub(super) fn show(&mut self, node: usize) -> Checked<()> {
        for browser in [0, 1] {
            if self.node_of(browser) == Some(node) && self.browsers[browser].welcomed {
                self.show_to(node, browser)?;
            }
        }
        Ok(())
    }

    fn show_to(&mut self, node: usize, browser: usize) -> Checked<()> {
        let Some(copy) = &self.nodes[node].copy else { return Ok(()) };
        let viewer = viewer_of(Some(self.browsers[browser].seat));
        let view = if self.plan.without == Without::Backs {
            copy.game().map(|game| game.view(viewer, false))
        } else {
            copy.view(viewer).map(|(view, _)| view)
        };
        view.map_or(Ok(()), |view| self.check_hands(copy, viewer, &view))?;
        let known = &mut self.browsers[browser];
        let told = known.word || self.plan.without == Without::Seen;
        if !copy.has_tip(&known.shown) && !told {
            let (number, now) = (known.shown.number, copy.tip().number);
            return Err(format!("browser {browser} saw {number} records and is shown {now} without a word"));
        }
        known.shown = copy.tip();
        known.word = false;
        let from = self.nodes[node].saved.min(copy.accepted().number);
        known.kept = (from, copy.entries()[from as usize..].to_vec());
        let (number, kept) = (known.shown.number, known.kept.1.len());
        self.note(|_| format!("browser {browser} is shown {number} records, keeps {kept} from {from}"));
        Ok(())
    }

    /// Tells all browsers of a node that its game went back to a tip.
    pub(super) fn tell_went_back(&mut self, node: usize, to: &Tip) {
        for browser in [0, 1] {
            if self.node_of(browser) == Some(node) && self.browsers[browser].welcomed {
                self.browsers[browser].word = true;
                self.checks.told(browser, |tip| tip.number > to.number);
            }
        }
    }

    /// Tells one that what it has seen is gone.
    pub(super) fn tell_one_went_back(&mut self, node: usize, browser: usize, session: u32) {
        if self.node_of(browser) != Some(node) || self.browsers[browser].session != session {
            return;
        }
        let Some(copy) = &self.nodes[node].copy else { return };
        self.browsers[browser].word = true;
        self.checks.told(browser, |tip| !copy.has_tip(tip));
    }

    /// Tells the browser, if it is still there and waits for this.
    pub(super) fn answer(&mut self, node: usize, asked: &Asked, fate: &Fate) -> Checked<()> {
        let browser = asked.browser;
        let waits = self.browsers[browser].open.as_ref().is_some_and(|open| open.request == asked.request);
        if self.node_of(browser) != Some(node) || self.browsers[browser].session != asked.session || !waits {
            return Ok(());
        }
        match fate {
            Fate::Done(tip, unsaved) => {
                self.note(|_| format!("{} is done, unsaved: {unsaved}", asked.request));
                self.browsers[browser].open = None;
                let known = self.nodes[node].copy.as_ref().expect("it is there");
                if known.has_tip(&self.browsers[browser].shown) {
                    // Every answer comes after the view with its records.
                    self.show_to(node, browser)?;
                }
                self.note_done(browser, asked.request.clone(), tip.clone(), *unsaved);
            }
            Fate::Refused => {
                self.note(|_| format!("{} is refused", asked.request));
                self.browsers[browser].open = None;
                let seat = self.browsers[browser].seat;
                self.checks.refused.push((seat, asked.request.clone()));
            }
            Fate::NotLive => self.nodes[node].sessions[browser] = None,
            Fate::Unknown => {}
        }
        Ok(())
    }

    /// A session is told that another took over.
    pub(super) fn take_over(&mut self, node: usize, session: u32) {
        for seat in 0..2 {
            if self.nodes[node].sessions[seat].is_some_and(|held| held.number == session) {
                self.nodes[node].sessions[seat] = None;
                if self.browsers[seat].session == session {
                    self.note(|_| format!("session {session} is told of another, older one"));
                    self.checks.tally.ousted += 1;
                }
            }
        }
    }

    /// The table is closed at a node: its browsers are told, and nothing is held.
    pub(super) fn close(&mut self, node: usize) {
        self.note(|_| format!("node {node} closes the table"));
        for browser in [0, 1] {
            if self.node_of(browser) == Some(node) {
                self.browsers[browser].over = true;
                self.browsers[browser].open = None;
            }
        }
        let known = &mut self.nodes[node];
        (known.copy, known.work, known.aside, known.put_away) = (None, None, None, 0);
        known.offered = None;
        known.inbox.clear();
    }
}
