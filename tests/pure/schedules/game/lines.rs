//! What is on its way between nodes and servers: any letter may be late; most may be lost or come twice.

use nineflags::host::{Compared, Input, Published};
use nineflags::table::record::{Entry, Tip};

use super::super::held::{Command, Live, Mover, Place, Reply, run};
use super::super::plan::{Fault, Without};
use super::super::redis::{Deaf, Line, Offset};
use super::driver::Pending;
use super::{Checked, World};

/// Something on its way.
#[derive(Debug, Clone)]
pub(super) enum Letter {
    /// A node asks a server.
    Ask { from: Place, group: usize, server: usize, exchange: u64, command: Command },
    /// The server's answer.
    Reply { to: Place, exchange: u64, reply: Reply },
    /// An answer that is given when all that the server had then is saved.
    Settling { to: Place, group: usize, server: usize, offset: Offset, exchange: u64, saved: Option<Tip> },
    /// Records on the table's channel.
    Published { to: Place, line: Line, from: u32, entries: Vec<Entry> },
    /// To the node of an older session.
    TakenOver { to: Place, line: Line, session: u32 },
    /// The sentinels tell a node of another primary.
    Switch { to: Place, group: usize },
    /// What a node published on the table's channel.
    Event { to: Place, line: Line, published: Published },
}

impl Letter {
    /// The node that has to take it.
    fn to(&self) -> Option<Place> {
        match self {
            Letter::Ask { .. } => None,
            Letter::Reply { to, .. }
            | Letter::Settling { to, .. }
            | Letter::Published { to, .. }
            | Letter::TakenOver { to, .. }
            | Letter::Switch { to, .. }
            | Letter::Event { to, .. } => Some(*to),
        }
    }
}

impl World {
    /// Whether a letter of an exchange has to wait, since its node's exchanges are slow.
    fn is_held_up(&mut self, letter: &Letter) -> bool {
        let place = match letter {
            Letter::Ask { from: place, .. }
            | Letter::Reply { to: place, .. }
            | Letter::Settling { to: place, .. } => *place,
            _ => return false,
        };
        self.alive(place) && self.nodes[place.node].slow_until_ms > self.now_ms && self.dice.chance(600)
    }

    /// Sends a question to what the node takes for the primary; gives its number.
    pub(super) fn send(&mut self, node: usize, group: usize, command: Command) -> u64 {
        self.exchanges += 1;
        let (from, server) = (self.place(node), self.nodes[node].primary[group]);
        self.letters.push(Letter::Ask { from, group, server, exchange: self.exchanges, command });
        self.exchanges
    }

    pub(super) fn deliver_one(&mut self) -> Checked<()> {
        if self.letters.is_empty() {
            return Ok(());
        }
        let at = self.dice.below(self.letters.len());
        let letter = self.letters.swap_remove(at);
        if self.is_held_up(&letter) {
            self.letters.push(letter);
            return Ok(());
        }
        if let Some(to) = letter.to() {
            if !self.alive(to) {
                return Ok(());
            }
            if self.nodes[to.node].stopped {
                self.letters.push(letter);
                return Ok(());
            }
        }
        if matches!(letter, Letter::Event { .. }) && self.groups[0].is_away() {
            return Ok(());
        }
        self.deliver(letter)
    }

    fn deliver(&mut self, letter: Letter) -> Checked<()> {
        match letter {
            Letter::Ask { from, group, server, exchange, command } => {
                self.serve(from, group, server, exchange, &command)
            }
            Letter::Reply { to, exchange, reply } => self.reply(to.node, exchange, reply),
            Letter::Settling { to, group, server, offset, exchange, saved } => {
                let any_one = self.plan.without == Without::WaitAll;
                if self.nodes[to.node].primary[group] != server
                    || self.groups[group].is_broken(server, offset)
                {
                    // Nothing is confirmed across connections.
                    return Ok(());
                }
                if !self.groups[group].is_saved(server, offset, any_one) {
                    self.letters.push(Letter::Settling { to, group, server, offset, exchange, saved });
                    return Ok(());
                }
                match saved {
                    Some(tip) => {
                        self.note_durable(group, server, offset);
                        self.input(to.node, Input::DurableTip(tip))
                    }
                    None => self.reply(to.node, exchange, Reply::Ok),
                }
            }
            Letter::Published { to, line, from, entries } => {
                self.check_read(to.node, &entries)?;
                let shard = self.shard();
                self.hear(to.node, shard, line, Published::Records { from, entries })
            }
            Letter::TakenOver { to, line, session } => {
                if self.nodes[to.node].hears[0] == line && !self.nodes[to.node].deaf {
                    self.take_over(to.node, session)?;
                }
                Ok(())
            }
            Letter::Switch { to, group } => self.switch(to.node, group),
            Letter::Event { to, line, published } => self.hear(to.node, 0, line, published),
        }
    }

    fn hear(&mut self, node: usize, group: usize, line: Line, published: Published) -> Checked<()> {
        let known = &self.nodes[node];
        if known.deaf || known.hears[group] != line {
            return Ok(());
        }
        self.input(node, Input::Heard(published))
    }

    /// A server carries out a command, and what it says goes on its way.
    fn serve(
        &mut self,
        from: Place,
        group: usize,
        server: usize,
        exchange: u64,
        command: &Command,
    ) -> Checked<()> {
        let skew_ms = self.groups[group].server(server).skew_ms;
        let now_ms = self.now_ms.saturating_add_signed(skew_ms);
        let without = self.plan.without;
        let (reply, new) = run(&mut self.groups[group], server, from, command, now_ms, without);
        self.note(|world| {
            let roles = world.groups[group].roles();
            format!("{from:?} at {group}/{server} ({roles}): {command:?} -> {reply:?}")
        });
        if !new.is_empty() {
            let Command::Append(_, mover) = command else { return Ok(()) };
            let waits = |(number, _): &(u64, Pending)| *number == exchange;
            if self.alive(from) && !self.nodes[from.node].pending.iter().any(waits) {
                self.hit(Fault::LateAppend);
            }
            self.check_append(group, server, &new, *mover)?;
            let number = self.groups[group].server(server).data.stream.tip().number - count(&new);
            for node in 0..self.nodes.len() {
                let (entries, line) = (new.clone(), self.groups[group].line(server));
                self.letters.push(Letter::Published { to: self.place(node), line, from: number, entries });
            }
            let saved = Some(Tip {
                number: number + count(&new),
                hash: new.last().map(|entry| entry.hash.clone()).unwrap_or_default(),
            });
            let offset = self.groups[group].offset(server);
            self.letters.push(Letter::Settling { to: from, group, server, offset, exchange, saved });
        }
        if let (Command::Enter(mover), Reply::Entered(Some(Live { place, session }))) = (command, &reply)
            && mover.session != *session
        {
            let (to, line, session) = (*place, self.groups[group].line(server), *session);
            self.letters.push(Letter::TakenOver { to, line, session });
        }
        match (command, &reply) {
            (Command::Archive(_) | Command::Close, Reply::Ok) => {
                let offset = self.groups[group].offset(server);
                self.letters.push(Letter::Settling {
                    to: from,
                    group,
                    server,
                    offset,
                    exchange,
                    saved: None,
                });
            }
            (Command::Compare, Reply::Compared(tip, ..)) if group == self.shard() => {
                let (offset, saved) = (self.groups[group].offset(server), Some(tip.clone()));
                self.letters.push(Letter::Settling { to: from, group, server, offset, exchange, saved });
                self.letters.push(Letter::Reply { to: from, exchange, reply });
            }
            _ => self.letters.push(Letter::Reply { to: from, exchange, reply }),
        }
        Ok(())
    }

    pub(super) fn lose_one(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let at = self.dice.below(self.letters.len());
        match &self.letters[at] {
            // The sentinels are asked again every second, and a subscriber loses nothing as long as it is connected.
            Letter::Switch { .. } | Letter::Published { .. } | Letter::TakenOver { .. } => {}
            _ => {
                self.letters.swap_remove(at);
                self.hit(Fault::Lost);
            }
        }
    }

    pub(super) fn double_one(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let twice = self.dice.pick(&self.letters).clone();
        // An answer is one frame of one connection; questions are sent again where no answer came.
        if !matches!(twice, Letter::Reply { .. } | Letter::Settling { .. }) {
            self.letters.push(twice);
            self.hit(Fault::Doubled);
        }
    }

    /// A node uses what the sentinels say is the primary: what was under way has no known fate, and all is heard anew.
    pub(super) fn switch(&mut self, node: usize, group: usize) -> Checked<()> {
        let primary = self.groups[group].primary();
        let line = self.groups[group].line(primary);
        let same = self.nodes[node].primary[group] == primary && self.nodes[node].hears[group] == line;
        self.nodes[node].primary[group] = primary;
        self.nodes[node].hears[group] = line;
        if group != self.shard() || (same && !self.nodes[node].deaf) {
            return Ok(());
        }
        self.nodes[node].deaf = false;
        if !same {
            self.fail_pending(node)?;
        }
        if self.plan.without == Without::Reload { Ok(()) } else { self.input(node, Input::Missed) }
    }

    /// What a node does every second about groups: it notices that one is back, and that it hears nothing.
    pub(super) fn probe(&mut self, node: usize) -> Checked<()> {
        if self.nodes[node].stopped {
            return Ok(());
        }
        for group in 0..self.groups.len() {
            let server = self.nodes[node].primary[group];
            match self.groups[group].may_write(server) {
                Ok(()) if self.nodes[node].away[group] => {
                    self.set_away(node, group, false)?;
                    self.input(node, Input::Missed)?;
                }
                Err(Deaf::NotPrimary) => self.switch(node, group)?,
                Ok(()) | Err(Deaf::Away | Deaf::NoReplicas) => {}
            }
        }
        if self.nodes[node].deaf && !self.groups[self.shard()].is_away() {
            let shard = self.shard();
            self.switch(node, shard)?;
        }
        Ok(())
    }

    /// A heartbeat: the table and the sessions are compared with the store.
    pub(super) fn beat(&mut self, node: usize) {
        if self.nodes[node].stopped {
            return;
        }
        self.nodes[node].knows_old = self.nodes.iter().any(|node| node.is_old);
        for group in 0..self.groups.len() {
            self.compare(node, group);
        }
    }

    /// Has a node told how much of the stream is durable.
    pub(super) fn beat_shard(&mut self, node: usize) {
        let shard = self.shard();
        self.compare(node, shard);
    }

    fn compare(&mut self, node: usize, group: usize) {
        let nobody = Mover { seat: group, session: u32::MAX };
        let is_asked =
            |(_, pending): &(u64, Pending)| matches!(pending, Pending::Errand(mover) if *mover == nobody);
        if !self.nodes[node].pending.iter().any(is_asked) {
            let exchange = self.send(node, group, Command::Compare);
            self.nodes[node].pending.push((exchange, Pending::Errand(nobody)));
        }
    }

    /// A session has entered, or the store was compared with.
    pub(super) fn errand(&mut self, node: usize, mover: Mover, reply: Reply) -> Checked<()> {
        match reply {
            Reply::Entered(_) => self.entered(node, mover),
            Reply::Compared(tip, online, is_closed) => {
                if self.plan.without != Without::Session && mover.seat == 0 {
                    self.compare_sessions(node, online)?;
                }
                if self.plan.without == Without::Reload {
                    return Ok(());
                }
                let tip = (mover.seat == self.shard()).then_some(tip);
                let is_gone = mover.seat == 0 && is_closed;
                self.input(node, Input::Compared(Compared { tip, is_gone, ..Compared::default() }))
            }
            other => Err(format!("node {node} got {other:?} for an errand")),
        }
    }

    /// Ends sessions that another took over from unheard, and enters those again that the store lost.
    fn compare_sessions(&mut self, node: usize, online: [Option<Live>; 2]) -> Checked<()> {
        for (seat, live) in online.into_iter().enumerate() {
            let Some(session) = self.nodes[node].sessions[seat].filter(|session| session.entered) else {
                continue;
            };
            match live {
                Some(live) if live.session != session.number => self.take_over(node, session.number)?,
                Some(_) => {}
                None => {
                    let mover = Mover { seat, session: session.number };
                    let exchange = self.send(node, 0, Command::Enter(mover));
                    self.nodes[node].pending.push((exchange, Pending::Errand(mover)));
                }
            }
        }
        Ok(())
    }
}

fn count(entries: &[Entry]) -> u32 {
    u32::try_from(entries.len()).expect("small")
}
