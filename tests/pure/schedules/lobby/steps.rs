//! What players and nodes do in the lobby, and what goes wrong.

use nineflags::lobby::event::Versioned;
use nineflags::lobby::presence::{Held, Here, Repair, repair};
use nineflags::lobby::{Applied, Lobby};

use super::held::run;
use super::{About, Checked, LETTERS_MAX, Letter, LobbyWorld, NODES, Node, Promise, ROUNDS, Without};
use crate::model::lobby::{Command, Live, PLAYERS, Reply};
use crate::schedules::redis::Deaf;

impl LobbyWorld {
    pub(super) fn step(&mut self) {
        self.group.step(&mut self.dice);
        let (node, player) = (self.dice.below(NODES), self.dice.below(PLAYERS));
        match self.dice.below(1_000) {
            0..=499 => self.deliver_one(),
            500..=789 => self.act(player),
            790..=809 => self.lose_one(),
            810..=824 => self.nodes[node].errands.clear(),
            825..=884 => self.beat(node),
            885..=899 => self.connect(player, node),
            900..=914 => self.crash(node),
            915..=934 => self.nodes[node].deaf = true,
            935..=954 => self.stop_or_continue(node),
            955..=979 => self.probe(node),
            _ if self.plan.failovers => self.fail_over_or_turn(),
            _ => {}
        }
    }

    fn send(&mut self, node: usize, command: Command) {
        self.exchanges += 1;
        let (from, server, exchange) = (self.place(node), self.nodes[node].primary, self.exchanges);
        self.nodes[node].errands.push((exchange, command.clone()));
        self.letters.push(Letter::Ask { from, server, exchange, command });
    }

    fn deliver_one(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let at = self.dice.below(self.letters.len());
        let letter = self.letters.swap_remove(at);
        let to = match &letter {
            Letter::Ask { .. } => None,
            Letter::Reply { to, .. }
            | Letter::Settling { to, .. }
            | Letter::Changed { to, .. }
            | Letter::TakenOver { to, .. }
            | Letter::Switch { to } => Some(*to),
        };
        match to {
            Some(to) if !self.alive(to) => {}
            Some(to) if self.nodes[to.node].stopped => self.letters.push(letter),
            _ => self.deliver(letter),
        }
    }

    fn deliver(&mut self, letter: Letter) {
        match letter {
            Letter::Ask { from, server, exchange, command } => {
                let line = self.group.line(server);
                let before = self.group.server(server).data.online;
                let (reply, change) =
                    run(&mut self.group, server, from, &command, self.plan.without.leaves());
                self.note(|| format!("{from:?} at {server}: {command:?} -> {reply:?}"));
                if let Command::Leave { player, session } = command {
                    let now = self.group.server(server).data.online[player];
                    let other = before[player].filter(|live| live.session != session);
                    if other.is_some() && now.is_none() {
                        self.wrong = Some(format!("session {session} left and took out {other:?}"));
                    }
                }
                for node in (0..NODES).filter(|_| change.is_some()) {
                    let change = change.clone().expect("there is one");
                    self.letters.push(Letter::Changed { to: self.place(node), line, change });
                }
                if let (
                    Command::Enter { player, session: new },
                    Ok(Reply::Entered(Some(Live { place, session }))),
                ) = (&command, &reply)
                    && new != session
                {
                    let (to, player, session) = (*place, *player, *session);
                    self.letters.push(Letter::TakenOver { to, line, player, session });
                }
                if matches!(reply, Ok(Reply::Done)) {
                    self.carried_out(exchange, &command);
                }
                let settles = match command {
                    Command::Accept { .. } => self.plan.without != Without::Settled,
                    Command::Invite { .. }
                    | Command::Remove { .. }
                    | Command::Block { .. }
                    | Command::Unblock { .. } => self.plan.without != Without::SettledAnswers,
                    Command::Archive(_) => true,
                    _ => false,
                };
                if settles && matches!(reply, Ok(Reply::Done)) {
                    let offset = self.group.offset(server);
                    self.letters.push(Letter::Settling { to: from, server, offset, exchange });
                } else {
                    self.letters.push(Letter::Reply { to: from, exchange, reply });
                }
            }
            Letter::Settling { to, server, offset, exchange } => {
                let broken = self.nodes[to.node].primary != server || self.group.is_broken(server, offset);
                if !broken && self.group.is_saved(server, offset, false) {
                    self.reply(to.node, exchange, Ok(Reply::Done));
                } else if !broken {
                    self.letters.push(Letter::Settling { to, server, offset, exchange });
                }
            }
            Letter::Reply { to, exchange, reply } => self.reply(to.node, exchange, reply),
            Letter::Changed { to, line, change } => {
                let node = &mut self.nodes[to.node];
                if node.hears != line || node.deaf {
                    return;
                }
                // While the lobby is read, what is heard waits.
                if node.reading { node.heard.push(change) } else { self.take_in(to.node, &change) }
            }
            Letter::TakenOver { to, line, player, session } => {
                let node = &mut self.nodes[to.node];
                if node.hears == line && !node.deaf {
                    node.sessions[player].take_if(|held| held.0 == session);
                }
            }
            Letter::Switch { to } => self.switch(to.node),
        }
    }

    /// Notes what was carried out, before whoever asked knows: what came before is no promise any more.
    fn carried_out(&mut self, exchange: u64, command: &Command) {
        let (about, stands) = match *command {
            Command::Invite { from, to } => (About::Invite(from, to), true),
            Command::Remove { from, to } => (About::Invite(from, to), false),
            Command::Block { by, other } => {
                self.promises.remove(&About::Invite(other, by));
                (About::Block(by, other), true)
            }
            Command::Unblock { by, other } => (About::Block(by, other), false),
            Command::Accept { by, from, .. } => {
                let concerns = |player: usize| player == by || player == from;
                self.promises.retain(|about, _| match about {
                    About::Invite(one, other) => !concerns(*one) && !concerns(*other),
                    About::Block(..) => true,
                });
                return;
            }
            _ => return,
        };
        self.promises.insert(about, Promise { exchange, stands, told: false });
    }

    fn take_in(&mut self, node: usize, change: &Versioned) {
        let applied = self.nodes[node].mirror.apply(change);
        if applied == Applied::Gap && self.plan.without != Without::Gap {
            self.tally.gaps += 1;
            self.reload(node);
        }
    }

    fn reload(&mut self, node: usize) {
        self.nodes[node].reading = true;
        if self.nodes[node].errands.iter().all(|(_, command)| *command != Command::Snapshot) {
            self.send(node, Command::Snapshot);
        }
    }

    fn reply(&mut self, node: usize, exchange: u64, reply: Result<Reply, Deaf>) {
        let errands = &mut self.nodes[node].errands;
        let Some(at) = errands.iter().position(|(number, _)| *number == exchange) else { return };
        let (_, command) = errands.swap_remove(at);
        let reply = match reply {
            Ok(reply) => reply,
            Err(Deaf::NotPrimary) => return self.switch(node),
            Err(Deaf::Away | Deaf::NoReplicas) => return,
        };
        if let Some(promise) = self.promises.values_mut().find(|promise| promise.exchange == exchange) {
            promise.told = true;
            self.tally.promised += 1;
        }
        match (command, reply) {
            (Command::Snapshot, Reply::Snapshot(snapshot)) => {
                self.nodes[node].mirror = Lobby::from_snapshot(*snapshot);
                self.nodes[node].reading = false;
                for change in std::mem::take(&mut self.nodes[node].heard) {
                    self.take_in(node, &change);
                }
            }
            (Command::Reenter { player, session }, Reply::Refused) => {
                self.nodes[node].sessions[player].take_if(|held| held.0 == session);
            }
            (
                Command::Enter { player, session } | Command::Reenter { player, session },
                Reply::Entered(_),
            ) => {
                if let Some(held) =
                    self.nodes[node].sessions[player].as_mut().filter(|held| held.0 == session)
                {
                    held.1 = true;
                    self.tally.entered += 1;
                }
            }
            (Command::Accept { by, table, .. }, answer) if self.node_of(by) == Some(node) => {
                self.persons[by].waits = false;
                if matches!(answer, Reply::Done) {
                    self.tally.started += 1;
                    self.told.push(table);
                }
            }
            (Command::Archive(table), Reply::Done) if self.plan.without != Without::Order => {
                self.send(node, Command::Close(table));
            }
            (Command::Close(table), Reply::Done) if self.plan.without == Without::Order => {
                self.send(node, Command::Archive(table));
            }
            (Command::Online, Reply::Online(online, tables)) => self.compared(node, online, &tables),
            _ => {}
        }
    }

    /// Puts a finished game away; may be done again by any node.
    fn put_away(&mut self, node: usize, table: u128) {
        let first =
            if self.plan.without == Without::Order { Command::Close(table) } else { Command::Archive(table) };
        self.send(node, first);
    }

    /// What a heartbeat does with what the store holds.
    fn compared(&mut self, node: usize, online: [Option<Live>; PLAYERS], tables: &[u128]) {
        for (player, live) in online.into_iter().enumerate() {
            let here = self.nodes[node].sessions[player].map(|(session, entered)| Here { session, entered });
            let held = live.map(|live| Held { session: live.session, here: live.place == self.place(node) });
            let (without, compares) = (self.plan.without, self.plan.without != Without::Compare);
            match repair(here, held) {
                Repair::Leave(session) if without != Without::Sweep => {
                    self.send(node, Command::Leave { player, session });
                }
                Repair::Reenter(session) if compares => self.send(node, Command::Reenter { player, session }),
                Repair::Close(_) if compares => self.nodes[node].sessions[player] = None,
                _ => {}
            }
            let dead = |live: &Live| !self.alive(live.place) || self.nodes[live.place.node].stopped;
            if let Some(live) = live.filter(dead).filter(|_| self.plan.without != Without::Reap) {
                self.send(node, Command::Leave { player, session: live.session });
            }
        }
        if self.plan.without != Without::Reap {
            let over = |table: &&u128| self.ended.contains(*table);
            let over: Vec<u128> = tables.iter().filter(over).copied().collect();
            for table in over {
                self.put_away(node, table);
            }
        }
    }

    fn node_of(&self, player: usize) -> Option<usize> {
        let person = self.persons[player];
        let place = person.place.filter(|place| self.alive(*place))?;
        self.nodes[place.node].sessions[player].filter(|held| held.0 == person.session).map(|_| place.node)
    }

    /// A player does what is next: comes, finishes a game, accepts an invite, or sends one.
    fn act(&mut self, player: usize) {
        let node = self.dice.below(NODES);
        let Some(node) = self.node_of(player) else { return self.connect(player, node) };
        let entered = self.nodes[node].sessions[player].is_some_and(|held| held.1);
        if self.nodes[node].stopped || !entered {
            return;
        }
        if self.dice.chance(5) {
            let session = self.persons[player].session;
            self.nodes[node].sessions[player] = None;
            self.persons[player] = super::Person { gone: true, ..super::Person::default() };
            return self.send(node, Command::Leave { player, session });
        }
        let held = self.group.data();
        if let Some(table) = held.seats[player] {
            if self.dice.chance(150) && self.ended.insert(table) {
                self.put_away(node, table);
            }
            return;
        }
        let other = (player + 1 + self.dice.below(PLAYERS - 1)) % PLAYERS;
        if self.dice.chance(100) {
            let by = player;
            let is_blocked = held.blocked.contains(&(by, other));
            let ask = if is_blocked { Command::Unblock { by, other } } else { Command::Block { by, other } };
            return self.send(node, ask);
        }
        let invite = held.invites.iter().find(|(_, to)| *to == player).copied();
        if let Some((from, to)) = invite.filter(|_| self.dice.chance(100)) {
            self.send(node, Command::Remove { from, to });
        } else if let Some((from, by)) = invite {
            let table = self.tables;
            self.tables += 1;
            self.persons[player].waits = true;
            self.send(node, Command::Accept { by, from, table });
        } else {
            let to = self.dice.below(PLAYERS);
            if to != player {
                self.send(node, Command::Invite { from: player, to });
            }
        }
    }

    fn connect(&mut self, player: usize, node: usize) {
        if self.nodes[node].stopped {
            return;
        }
        if let Some(old) = self.node_of(player).filter(|old| !self.nodes[*old].stopped) {
            let session = self.persons[player].session;
            self.nodes[old].sessions[player] = None;
            self.send(old, Command::Leave { player, session });
        }
        let session = self.sessions;
        self.sessions += 1;
        self.nodes[node].sessions[player] = Some((session, false));
        self.persons[player] =
            super::Person { place: Some(self.place(node)), session, waits: false, gone: false };
        self.send(node, Command::Enter { player, session });
    }

    fn beat(&mut self, node: usize) {
        if self.nodes[node].stopped {
            return;
        }
        for player in 0..PLAYERS {
            // An enter that failed ends its session.
            let asked = |session: u32| {
                let command = Command::Enter { player, session };
                self.nodes[node].errands.iter().any(|(_, other)| *other == command)
            };
            if self.nodes[node].sessions[player].is_some_and(|(session, entered)| !entered && !asked(session))
            {
                self.nodes[node].sessions[player] = None;
            }
        }
        self.send(node, Command::Online);
        if self.nodes[node].reading {
            self.reload(node);
        }
    }

    fn crash(&mut self, node: usize) {
        self.note(|| format!("node {node} dies"));
        let (life, primary) = (self.nodes[node].life + 1, self.group.primary());
        self.nodes[node] = Node { hears: self.group.line(primary), ..Node::new(life, primary) };
        self.reload(node);
    }

    fn stop_or_continue(&mut self, node: usize) {
        self.nodes[node].stopped = !self.nodes[node].stopped;
        if self.nodes[node].stopped {
            return;
        }
        let place = self.place(node);
        for player in 0..PLAYERS {
            if self.persons[player].place != Some(place) {
                self.nodes[node].sessions[player] = None;
            }
        }
    }

    /// A node notices that it hears nothing, or that its primary is none.
    fn probe(&mut self, node: usize) {
        let known = &self.nodes[node];
        let cut = known.deaf || known.hears != self.group.line(known.primary);
        let lost = cut || self.group.may_read(self.nodes[node].primary).is_err();
        if lost && !self.nodes[node].stopped {
            self.switch(node);
        }
    }

    fn switch(&mut self, node: usize) {
        let primary = self.group.primary();
        let known = &mut self.nodes[node];
        let line = self.group.line(primary);
        if known.primary == primary && known.hears == line && !known.deaf {
            return;
        }
        (known.primary, known.hears, known.deaf) = (primary, line, false);
        known.errands.clear();
        known.heard.clear();
        self.reload(node);
    }

    fn fail_over_or_turn(&mut self) {
        if self.dice.below(3) > 0 {
            return self.group.turn_one(&mut self.dice);
        }
        let dies = self.dice.below(2) == 0;
        if self.group.fail_over(dies, &mut self.dice) {
            for node in 0..NODES {
                self.letters.push(Letter::Switch { to: self.place(node) });
            }
        }
    }

    fn lose_one(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let at = self.dice.below(self.letters.len());
        if matches!(self.letters[at], Letter::Ask { .. } | Letter::Reply { .. } | Letter::Settling { .. }) {
            self.letters.swap_remove(at);
        }
    }

    /// No more faults: everything answers, all letters arrive, and nodes look after what was left half done.
    pub(super) fn calm(&mut self) -> Checked<()> {
        self.group.come_back(None);
        for node in 0..NODES {
            if self.nodes[node].stopped {
                self.stop_or_continue(node);
            }
        }
        for _ in 0..ROUNDS {
            for node in 0..NODES {
                self.nodes[node].errands.clear();
                self.switch(node);
                self.beat(node);
            }
            for player in 0..PLAYERS {
                let node = self.dice.below(NODES);
                if self.node_of(player).is_none() && !self.persons[player].gone {
                    self.connect(player, node);
                }
                // A request without an answer in time is answered so.
                self.persons[player].waits = false;
            }
            for _ in 0..LETTERS_MAX {
                if self.letters.is_empty() {
                    break;
                }
                self.group.step(&mut self.dice);
                self.deliver_one();
            }
            if !self.letters.is_empty() {
                return Err("letters without end".to_owned());
            }
            self.check_step()?;
        }
        Ok(())
    }
}
