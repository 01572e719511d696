//! One seat's browser: it moves between nodes, says what it has seen, and asks again until it knows a request's fate.

use nineflags::host::{Input, Shown};
use nineflags::ids::RequestId;
use nineflags::protocol::{TableView, viewer_of};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::View;
use nineflags::table::copy::{Intent, LogLine};
use nineflags::table::record::{Entry, Tip};

use super::super::held::{Command, Mover, Place};
use super::super::plan::Without;
use super::driver::{Pending, Waits, session_id};
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
    /// The view it keeps itself, by what its session was sent.
    view: Option<(u32, TableView)>,
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
            view: None,
            over: false,
            requests: 0,
        }
    }

    /// Keeps what comes with a view, which must be the chain's: the changes, and the records that are not saved.
    fn keep(&mut self, shown: &Shown, whole: Option<&(View, Vec<LogLine>)>) -> Checked<()> {
        let Shown { view, since, from, kept } = shown;
        let mut now = view.clone();
        if let Some(since) = since {
            let before = self.view.take().filter(|(session, _)| *session == self.session);
            let Some((_, before)) = before else { return Err("is sent changes of nothing".to_owned()) };
            let changed = before.changed(now.into_changes(since.lines, &since.flags));
            now = changed.ok_or_else(|| format!("lacks lines before {}", since.lines))?;
        }
        if whole.is_some_and(|(view, log)| *view != now.view || *log != now.log) {
            return Err("keeps another view than the chain's".to_owned());
        }
        self.view = Some((self.session, now));
        let first = view.tip.number - u32::try_from(kept.len()).expect("few");
        let before = std::mem::take(&mut self.kept);
        let still = (before.0..)
            .zip(before.1)
            .filter(|(number, _)| since.is_some() && (*from..first).contains(number));
        let mut all: Vec<Entry> = still.map(|(_, entry)| entry).collect();
        all.extend(kept.iter().cloned());
        self.kept = (view.tip.number - u32::try_from(all.len()).expect("few"), all);
        Ok(())
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
            return self.connect(browser, node);
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
                self.connect(browser, node)
            }
            Some(node) if !self.browsers[browser].welcomed => self.say_seen(browser, node),
            Some(node) => self.ask_again(browser, node),
        }
    }

    fn ask_again(&mut self, browser: usize, node: usize) -> Checked<()> {
        let is_same = |waits: &Waits| matches!(waits, Waits::Ask(asked) if asked.browser == browser);
        let is_under_way = self.nodes[node].waiting.iter().any(|(_, waits)| is_same(waits));
        let session = self.browsers[browser].session;
        match &self.browsers[browser].open {
            Some(open) if !is_under_way => {
                let asked = Asked { session, ..open.clone() };
                self.ask_for(node, asked)
            }
            _ => Ok(()),
        }
    }

    /// The player chooses from the view shown.
    fn choose(&mut self, browser: usize, node: usize) {
        let Browser { seat, session, requests, .. } = self.browsers[browser];
        let Some(copy) = self.chain(node) else { return };
        let current = copy.tip() == self.browsers[browser].shown;
        let Some(game) = copy.known_game().filter(|_| current) else { return };
        if game.turn().is_none() {
            return;
        }
        let tip = copy.tip();
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
            tip,
            intent: Intent::Moves(moves),
        });
    }

    /// A browser opens a websocket at a node; the old one is closed, which a stopped node notices later.
    pub(super) fn connect(&mut self, browser: usize, node: usize) -> Checked<()> {
        if self.nodes[node].stopped || self.browsers[browser].over {
            return Ok(());
        }
        if let Some(old) = self.node_of(browser).filter(|old| !self.nodes[*old].stopped) {
            self.leave(old, browser)?;
        }
        let session = self.sessions;
        self.sessions += 1;
        self.nodes[node].sessions[browser] = Some(Session { number: session, entered: false });
        let place = Some(self.place(node));
        let known = &mut self.browsers[browser];
        (known.place, known.session, known.welcomed) = (place, session, false);
        self.note(|_| format!("browser {browser} opens session {session} at node {node}"));
        self.enter(browser, node);
        Ok(())
    }

    /// A node notices that a browser's websocket is closed.
    pub(super) fn leave(&mut self, node: usize, browser: usize) -> Checked<()> {
        match self.nodes[node].sessions[browser].take() {
            Some(session) => self.input(node, Input::Leave(session_id(session.number))),
            None => Ok(()),
        }
    }

    fn enter(&mut self, browser: usize, node: usize) {
        let mover = Mover { seat: browser, session: self.browsers[browser].session };
        let is_under_way =
            |(_, pending): &(u64, Pending)| matches!(pending, Pending::Errand(other) if *other == mover);
        if !self.nodes[node].pending.iter().any(is_under_way) {
            let exchange = self.send(node, 0, Command::Enter(mover));
            self.nodes[node].pending.push((exchange, Pending::Errand(mover)));
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
        self.say_seen(browser, node)
    }

    fn say_seen(&mut self, browser: usize, node: usize) -> Checked<()> {
        let Browser { session, ref shown, .. } = self.browsers[browser];
        if !self.nodes[node].sessions[browser].is_some_and(|session| session.entered) {
            self.enter(browser, node);
            return Ok(());
        }
        let says = |waits: &Waits| matches!(waits, Waits::Seen { browser: other, .. } | Waits::Join { browser: other, .. } if *other == browser);
        if self.nodes[node].waiting.iter().any(|(_, waits)| says(waits)) {
            return Ok(());
        }
        if self.plan.without == Without::Seen {
            return match self.join(node, browser, session) {
                Some(input) => self.ask(node, input),
                None => Ok(()),
            };
        }
        let tip = shown.clone();
        self.tell_seen(node, browser, session, tip)
    }

    /// Whether a browser's open websocket is this session at a node.
    pub(super) fn is_at(&self, node: usize, browser: usize, session: u32) -> bool {
        self.node_of(browser) == Some(node) && self.browsers[browser].session == session
    }

    /// A browser is shown a view.
    pub(super) fn show_to(&mut self, node: usize, browser: usize, shown: &Shown) -> Checked<()> {
        let Some(chain) = self.chain(node) else { return Err("a view without a chain".to_owned()) };
        let viewer = viewer_of(Some(self.browsers[browser].seat));
        let open = chain.game().filter(|_| self.plan.without == Without::Backs);
        let open = open.map(|game| game.view(viewer, false));
        let tip = shown.view.tip.clone();
        // What came to the host since the view was made is not in it.
        if chain.has_tip(&tip) {
            let entries = &chain.entries()[..tip.number as usize];
            self.check_hands(entries, viewer, open.as_ref().unwrap_or(&shown.view.view))?;
            let known = &self.browsers[browser];
            let told = known.word || self.plan.without == Without::Seen;
            let is_kept = known.shown.number <= tip.number && chain.has_tip(&known.shown);
            if !is_kept && !told {
                let (number, now) = (known.shown.number, tip.number);
                return Err(format!(
                    "browser {browser} saw {number} records and is shown {now} without a word"
                ));
            }
        }
        let accepted = tip.number - shown.view.unsaved;
        let stands = chain.has_tip(&tip);
        let is_now = chain.tip() == tip && chain.accepted().number == accepted;
        let whole = chain.view(viewer).filter(|_| is_now);
        let known = &mut self.browsers[browser];
        known.keep(shown, whole.as_ref()).map_err(|why| format!("browser {browser} {why}"))?;
        (known.shown, known.word) = (tip, false);
        let (number, kept) = (known.shown.number, known.kept.1.len());
        self.note(|_| format!("browser {browser} is shown {number} records, keeps {kept}"));
        let saved = shown.view.saved;
        if stands && saved > 0 { self.called_saved(node, saved) } else { Ok(()) }
    }

    /// Tells one that what it has seen is gone.
    pub(super) fn tell_one_went_back(&mut self, node: usize, browser: usize, session: u32) {
        if self.node_of(browser) != Some(node) || self.browsers[browser].session != session {
            return;
        }
        let Some(chain) = self.nodes[node].host.as_ref().map(nineflags::host::Host::chain) else { return };
        self.browsers[browser].word = true;
        self.checks.told(browser, |tip| !chain.has_tip(tip));
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
                self.check_chosen(node, asked)?;
                self.note_done(browser, asked.request.clone(), tip.clone(), *unsaved);
            }
            Fate::Refused => {
                self.note(|_| format!("{} is refused", asked.request));
                self.browsers[browser].open = None;
                let seat = self.browsers[browser].seat;
                self.checks.refused.push((seat, asked.request.clone()));
            }
            Fate::NotLive => return self.leave(node, browser),
            Fate::Unknown => {}
        }
        Ok(())
    }

    /// A session is told that another took over.
    pub(super) fn take_over(&mut self, node: usize, session: u32) -> Checked<()> {
        for seat in 0..2 {
            if self.nodes[node].sessions[seat].is_some_and(|held| held.number == session) {
                self.leave(node, seat)?;
                if self.browsers[seat].session == session {
                    self.note(|_| format!("session {session} is told of another, older one"));
                    self.checks.tally.ousted += 1;
                }
            }
        }
        Ok(())
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
        self.forget(node);
    }
}
