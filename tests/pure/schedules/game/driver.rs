//! The driver of a schedule: it hands the product's own host its inputs, sends what it asks for on its way, and brings
//! replies back, late, lost or in another order.

use std::collections::VecDeque;
use std::time::Duration;

use nineflags::host::{
    self, Compared, Facts, Host, Input, Output, Published, Safeguard, SeatAsk, Settings, Shown, TableInfo,
    Ticket,
};
use nineflags::ids::{AccountId, NodeId, SessionId};
use nineflags::protocol::{ClosedWhy, RefusalCode, Update};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::BySeat;
use nineflags::table::copy::{Copy, Intent, Proposal};
use nineflags::table::record::{KINDS, Tip};
use uuid::Uuid;

use super::super::held::{Command, Mover, Place};
use super::super::plan::{Fault, Without};
use super::super::redis::Deaf;
use super::browser::{Asked, Fate};
use super::lines::Letter;
use super::{Checked, World};
use crate::model::game::table;

/// What a node waits for.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    /// An exchange of the host, as it asked for it.
    Host(host::Exchange, Kind),
    /// Whether the session that asks for these records is the live one, before they are appended at a shard apart.
    Live(host::Exchange, Proposal),
    /// The table is looked for, before it is opened.
    Open,
    /// A session enters, or (as nobody) the store is compared with.
    Errand(Mover),
}

/// How a reply is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Append,
    Read,
    Info,
    Ended,
    Where,
    Step,
}

/// Who waits for an answer of the host.
#[derive(Debug, Clone)]
pub(super) enum Waits {
    Ask(Asked),
    Seen { browser: usize, session: u32 },
    Join { browser: usize, session: u32 },
}

/// The account of a seat.
pub(super) fn account(seat: usize) -> AccountId {
    AccountId(Uuid::from_u128(1 + seat as u128))
}

/// The session of a number.
pub(super) fn session_id(session: u32) -> SessionId {
    SessionId(Uuid::from_u128(0x5e55_0000 + u128::from(session)))
}

/// A node in one of its lives.
pub(super) fn node_id(place: Place) -> NodeId {
    NodeId(Uuid::from_u128(0x40de_0000_0000 + ((place.node as u128) << 32) + u128::from(place.life)))
}

/// A publication as a node of version 0.3.0 writes or reads it, if it does.
fn old_words(published: &Published) -> Option<Published> {
    match published {
        // It does not tell that it lacks nothing, nor who lacks something.
        Published::Unsaved { entries, .. } if entries.is_empty() => None,
        Published::Lacks { node, tip, .. } => {
            Some(Published::Lacks { node: *node, tip: tip.clone(), by: None })
        }
        published => Some(published.clone()),
    }
}

impl World {
    /// The chain that a node holds.
    pub(super) fn chain(&self, node: usize) -> Option<&Copy> {
        self.nodes[node].host.as_ref().map(Host::chain).filter(|chain| chain.tip().number > 0)
    }

    pub(super) fn settings(&self, node: usize) -> Settings {
        let mut without = Vec::new();
        without.extend(match self.plan.without {
            Without::Request => Some(Safeguard::Request),
            Without::Heal => Some(Safeguard::Heal),
            Without::Word => Some(Safeguard::Word),
            Without::TieBreak => Some(Safeguard::TieBreak),
            Without::Consent => Some(Safeguard::Consent),
            Without::Sealed => Some(Safeguard::Seal),
            Without::SavedEnd => Some(Safeguard::DurableEnd),
            Without::Hear => Some(Safeguard::Hear),
            _ => None,
        });
        let is_old = self.nodes[node].is_old;
        if self.plan.rivals || is_old || self.plan.without == Without::Backs {
            without.push(Safeguard::End);
        }
        without.extend(is_old.then_some(Safeguard::Hear));
        Settings {
            node: node_id(self.place(node)),
            is_only_node: false,
            away_win_ms: u64::MAX,
            abandoned_ms: u64::MAX,
            provisional_limit: Duration::from_mins(1),
            without,
        }
    }

    pub(super) fn info(&self) -> TableInfo {
        TableInfo {
            accounts: BySeat { first: account(0), second: account(1) },
            names: BySeat { first: "Ann".parse().expect("a name"), second: "Mira".parse().expect("a name") },
            start: self.start[0].record.to_string(),
            resume: false,
            away_since_ms: BySeat { first: None, second: None },
            watchers: 0,
            shard: 0,
            made_ms: "1000".to_owned(),
        }
    }

    fn facts(&self, node: usize) -> Facts {
        let known = &self.nodes[node];
        let number = known.host.as_ref().map_or(0, |host| host.tip().number);
        Facts {
            now: Duration::from_millis(self.now_ms),
            now_ms: self.now_ms,
            is_backup_away: known.away[self.shard()],
            is_data_away: known.away[0],
            is_apart: self.plan.apart,
            ends_apart: true,
            kinds_known: KINDS,
            // A game begins, goes on and ends in either format, or changes from one to the other.
            knows_old_nodes: match self.seed % 4 {
                _ if self.plan.mixed => {
                    known.is_old || known.knows_old && self.plan.without != Without::Kinds
                }
                0 => true,
                1 => number % 8 <= 3,
                _ => false,
            },
        }
    }

    /// A node that has the table open with these records, as after a start without faults.
    pub(super) fn open_with(&mut self, node: usize) -> Checked<()> {
        let mut host = Host::new(table(), self.settings(node), self.info());
        let facts = self.facts(node);
        let asked = host.handle(&facts, Input::Open);
        let [Output::Ask(exchange, host::Command::Read)] = &asked[..] else {
            return Err(format!("a host begins with {asked:?}"));
        };
        let entries = self.start.clone();
        let _ = host.handle(&facts, Input::Reply(*exchange, host::Reply::Entries(entries)));
        self.nodes[node].host = Some(host);
        Ok(())
    }

    /// Whether a node closes its table after it compared it with the store, which does not have it any more, or has it.
    pub(in super::super) fn closes(&mut self, is_gone: bool) -> bool {
        let facts = self.facts(0);
        let Some(host) = self.nodes[0].host.as_mut() else { return false };
        let compared = Compared { is_gone, ..Compared::default() };
        let asked =
            host.handle(&facts, Input::Compared(compared)).into_iter().find_map(|output| match output {
                Output::Ask(exchange, host::Command::Ended) => Some(exchange),
                _ => None,
            });
        let told = |exchange| Input::Reply(exchange, host::Reply::Ended(Some(ClosedWhy::Finished)));
        let outputs = asked.map(|exchange| host.handle(&facts, told(exchange))).unwrap_or_default();
        outputs.iter().any(|output| matches!(output, Output::Closed))
    }

    /// Hands something to a node's host, if the table is open there.
    pub(super) fn input(&mut self, node: usize, input: Input) -> Checked<()> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let facts = self.facts(node);
            let Some(host) = self.nodes[node].host.as_mut() else { return Ok(()) };
            let outputs = host.handle(&facts, input);
            for output in outputs {
                self.carry_out(node, output, &mut inputs)?;
            }
        }
        Ok(())
    }

    /// The same, and opens the table first.
    pub(super) fn ask(&mut self, node: usize, input: Input) -> Checked<()> {
        if self.nodes[node].host.is_some() {
            return self.input(node, input);
        }
        self.nodes[node].early.push(input);
        if !self.nodes[node].pending.iter().any(|(_, pending)| matches!(pending, Pending::Open)) {
            let exchange = self.send(node, 0, Command::Info);
            self.nodes[node].pending.push((exchange, Pending::Open));
        }
        Ok(())
    }

    pub(super) fn ticket(&mut self, node: usize, waits: Waits) -> Ticket {
        let known = &mut self.nodes[node];
        known.tickets += 1;
        known.waiting.push((known.tickets, waits));
        known.tickets
    }

    fn waits(&mut self, node: usize, ticket: Ticket) -> Option<Waits> {
        let waiting = &mut self.nodes[node].waiting;
        let at = waiting.iter().position(|(number, _)| *number == ticket)?;
        Some(waiting.swap_remove(at).1)
    }

    fn carry_out(&mut self, node: usize, output: Output, inputs: &mut VecDeque<Input>) -> Checked<()> {
        match output {
            Output::Ask(exchange, command) => self.exchange(node, exchange, command, inputs),
            Output::Publish(published) => self.publish(node, &published),
            Output::Act(ticket, acted) => {
                let Some(Waits::Ask(asked)) = self.waits(node, ticket) else { return Ok(()) };
                let fate = match acted {
                    Ok(acted) => Fate::Done(acted.tip, acted.unsaved),
                    Err(refusal) => match refusal.code {
                        RefusalCode::NotLive => Fate::NotLive,
                        RefusalCode::Unavailable | RefusalCode::Frozen => Fate::Unknown,
                        _ => Fate::Refused,
                    },
                };
                return self.answer(node, &asked, &fate);
            }
            Output::Seen(ticket, seen) => {
                let Some(Waits::Seen { browser, session }) = self.waits(node, ticket) else { return Ok(()) };
                match seen {
                    Ok(_) => inputs.extend(self.join(node, browser, session)),
                    Err(refusal) if refusal.code == RefusalCode::WentBack => {
                        self.note(|_| format!("browser {browser} has seen what is gone"));
                        self.tell_one_went_back(node, browser, session);
                        inputs.extend(self.join(node, browser, session));
                    }
                    // It is asked again; nobody is told anything meanwhile.
                    Err(_) => {}
                }
            }
            Output::Joined(ticket, ..) => {
                let Some(Waits::Join { browser, session }) = self.waits(node, ticket) else { return Ok(()) };
                self.browsers[browser].welcomed |= self.is_at(node, browser, session);
            }
            Output::Show(sessions, shown) => {
                for session in sessions {
                    self.shown(node, session, &shown)?;
                }
            }
            Output::Tell(sessions, update) => {
                for session in sessions {
                    self.told(node, session, &update)?;
                }
            }
            Output::Settle => self.beat_shard(node),
            Output::Note(what) => self.noted(node, &what),
            Output::Closed => self.close(node),
            Output::Idle | Output::Failed => self.forget(node),
            Output::Started(_)
            | Output::GamesChanged
            | Output::View(..)
            | Output::Said(..)
            | Output::Chat(..)
            | Output::News(_)
            | Output::Provisional(_)
            | Output::Point(_) => {}
        }
        Ok(())
    }

    /// The host is at its end: who waits is asked again by its browser.
    pub(super) fn forget(&mut self, node: usize) {
        let place = self.place(node);
        self.checks.let_go(place);
        let known = &mut self.nodes[node];
        known.host = None;
        known.waiting.clear();
        known.early.clear();
        known.pending.retain(|(_, pending)| matches!(pending, Pending::Errand(_)));
    }

    /// Publishes on the table's channel, which every node hears, this one as well.
    fn publish(&mut self, node: usize, published: &Published) {
        let (line, is_old) = (self.nodes[node].hears[0], self.nodes[node].is_old);
        for other in 0..self.nodes.len() {
            let to = self.place(other);
            let is_across = self.nodes[other].is_old != is_old;
            let published = if is_across || is_old { old_words(published) } else { Some(published.clone()) };
            if is_across {
                self.hit(Fault::Across);
            }
            self.letters.extend(published.map(|published| Letter::Event { to, line, published }));
        }
    }

    pub(super) fn set_away(&mut self, node: usize, group: usize, is_away: bool) -> Checked<()> {
        let was_away = std::mem::replace(&mut self.nodes[node].away[group], is_away);
        if was_away != is_away && group == self.shard() {
            return self.input(node, Input::BackupChanged);
        }
        Ok(())
    }

    /// Gives up what is waited for.
    pub(super) fn give_up(&mut self, node: usize) -> Checked<()> {
        if self.nodes[node].stopped {
            return Ok(());
        }
        let waits =
            self.nodes[node].pending.iter().any(|(_, pending)| !matches!(pending, Pending::Errand(_)));
        if waits && self.dice.chance(400) && self.plan.absences {
            let shard = self.shard();
            self.set_away(node, shard, true)?;
        }
        if waits {
            self.hit(Fault::GivenUp);
        }
        self.fail_pending(node)
    }

    /// The same, because the connection is another.
    pub(super) fn fail_pending(&mut self, node: usize) -> Checked<()> {
        for (_, pending) in std::mem::take(&mut self.nodes[node].pending) {
            self.failed(node, &pending, Deaf::NotPrimary)?;
        }
        Ok(())
    }

    /// Wakes a host that asked for it.
    pub(super) fn wake(&mut self, node: usize) -> Checked<()> {
        let due = self.nodes[node].host.as_ref().and_then(Host::wake_at);
        if !self.nodes[node].stopped && due.is_some_and(|at| at <= Duration::from_millis(self.now_ms)) {
            return self.input(node, Input::Wake);
        }
        Ok(())
    }

    /// What a seat asks, as the product asks it.
    pub(super) fn ask_for(&mut self, node: usize, asked: Asked) -> Checked<()> {
        let ask = match &asked.intent {
            Intent::Moves(moves) if moves[..] == [Move::Resign] => SeatAsk::Resign,
            Intent::Moves(moves) => SeatAsk::Moves(asked.tip.clone(), moves.clone()),
            other => return Err(format!("nobody asks for {other:?}")),
        };
        let mover = host::Mover { account: account(asked.browser), session: session_id(asked.session) };
        let request = asked.request.clone();
        let ticket = self.ticket(node, Waits::Ask(asked));
        self.ask(node, Input::Ask(mover, request, ask, ticket))
    }

    /// A browser tells what it has seen.
    pub(super) fn tell_seen(&mut self, node: usize, browser: usize, session: u32, tip: Tip) -> Checked<()> {
        let (from, kept) = &self.browsers[browser].kept;
        let opened = (*from..).zip(kept.iter().cloned()).collect();
        let ticket = self.ticket(node, Waits::Seen { browser, session });
        self.ask(node, Input::Seen(account(browser), tip, opened, ticket))
    }

    /// A session is shown the table from now on.
    pub(super) fn join(&mut self, node: usize, browser: usize, session: u32) -> Option<Input> {
        if !self.is_at(node, browser, session) {
            return None;
        }
        // One of the two keeps the view itself.
        let keeps_view = browser == 1;
        let member = host::Member { session: session_id(session), account: account(browser), keeps_view };
        let ticket = self.ticket(node, Waits::Join { browser, session });
        Some(Input::Join(member, ticket))
    }

    fn shown(&mut self, node: usize, session: SessionId, shown: &Shown) -> Checked<()> {
        match self.browser_of(node, session) {
            Some(browser) => self.show_to(node, browser, shown),
            None => Ok(()),
        }
    }

    /// The browser whose websocket a session is, at a node.
    fn browser_of(&self, node: usize, session: SessionId) -> Option<usize> {
        (0..2).find(|browser| {
            let number = self.browsers[*browser].session;
            session == session_id(number) && self.is_at(node, *browser, number)
        })
    }

    fn told(&mut self, node: usize, session: SessionId, update: &Update) -> Checked<()> {
        let Some(browser) = self.browser_of(node, session) else {
            // A websocket that is closed by now.
            return Ok(());
        };
        match update {
            Update::Notice { tip: Some(to), .. } => {
                self.browsers[browser].word = true;
                self.checks.told(browser, |tip| tip.number > to.number);
            }
            Update::Notice { .. } => {
                self.tell_one_went_back(node, browser, self.browsers[browser].session);
            }
            Update::Saved { number, .. } => return self.called_saved(node, *number),
            Update::TableClosed { .. } => {
                self.browsers[browser].over = true;
                self.browsers[browser].open = None;
            }
            other => return Err(format!("nobody tells {other:?}")),
        }
        Ok(())
    }
}
