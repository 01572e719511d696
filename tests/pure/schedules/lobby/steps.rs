//! What players and nodes do in the lobby, and what goes wrong.

use super::held::run;
use super::{About, Checked, Fault, LETTERS_MAX, Letter, LobbyWorld, NODES, Node, Promise, ROUNDS, Without};
use crate::model::lobby::{Command, Live, PLAYERS, Reply};
use crate::schedules::redis::Deaf;

/// Of so many letters one is delivered at each step, whatever else happens.
const LETTERS_PILED: usize = 8;

impl LobbyWorld {
    pub(super) fn step(&mut self) {
        self.now_ms += 1 + self.dice.below(300) as u64;
        self.group.step(&mut self.dice);
        for node in 0..NODES {
            self.renew(node);
            self.serve_sessions(node);
            self.follow(node);
        }
        for _ in 0..self.letters.len() / LETTERS_PILED {
            self.deliver_one();
        }
        let (node, player) = (self.dice.below(NODES), self.dice.below(PLAYERS));
        match self.dice.below(1_000) {
            0..=499 => self.deliver_one(),
            500..=759 => self.act(player),
            760..=767 => self.renew_late(node),
            768..=787 => self.lose_one(),
            788..=799 => {
                self.hit(Fault::GivenUp);
                self.lose_errands(node);
            }
            800..=884 => self.beat(node),
            885..=899 => self.connect(player, node),
            900..=914 => self.crash(node),
            915..=934 => {
                self.hit(Fault::Deaf);
                self.nodes[node].deaf = true;
            }
            935..=954 => self.stop_or_continue(node),
            955..=979 => self.probe(node),
            _ if self.plan.failovers => self.fail_over_or_turn(),
            _ => {}
        }
    }

    pub(super) fn send(&mut self, node: usize, command: Command) {
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
                let (leaves, standing) = (self.plan.without.leaves(), self.leases(server));
                let (reply, change) = run(&mut self.group, server, from, &command, leaves, &standing);
                self.note(|| format!("{from:?} at {server}: {command:?} -> {reply:?}"));
                if let Command::Leave { player, session } = command {
                    let now = self.group.server(server).data.online[player];
                    let other = before[player].filter(|live| live.session != session);
                    if other.is_some() && now.is_none() {
                        self.wrong = Some(format!("session {session} left and took out {other:?}"));
                    }
                }
                if let (Command::Reap { player, session, dead }, Some(_)) = (&command, &change) {
                    self.was_reaped(server, *player, *session, *dead);
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
                if self.nodes[to.node].hears == line && !self.nodes[to.node].deaf {
                    self.hear(to.node, change);
                }
            }
            Letter::TakenOver { to, line, player, session } => {
                if self.nodes[to.node].hears == line && !self.nodes[to.node].deaf {
                    self.taken_over(to.node, player, session);
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

    fn reply(&mut self, node: usize, exchange: u64, reply: Result<Reply, Deaf>) {
        let errands = &mut self.nodes[node].errands;
        let Some(at) = errands.iter().position(|(number, _)| *number == exchange) else { return };
        let (_, command) = errands.swap_remove(at);
        if command == Command::Snapshot {
            self.was_read(node, reply.clone());
        }
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
            (Command::Enter { player, session } | Command::Reenter { player, session }, reply) => {
                self.entered(node, player, session, matches!(reply, Reply::Entered(_)));
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
            (Command::Online(None), Reply::Online(online, tables)) => self.compared(node, online, &tables),
            (Command::Online(Some(dead)), Reply::Online(online, _)) => self.reap(node, dead, online),
            (Command::Nodes, Reply::Nodes(lapsed)) => self.looked(node, &lapsed),
            (Command::Claim(dead), Reply::Done) => self.send(node, Command::Online(Some(dead))),
            _ => {}
        }
    }

    /// Puts a finished game away; may be done again by any node.
    pub(super) fn put_away(&mut self, node: usize, table: u128) {
        let first =
            if self.plan.without == Without::Order { Command::Close(table) } else { Command::Archive(table) };
        self.send(node, first);
    }

    fn node_of(&self, player: usize) -> Option<usize> {
        let person = self.persons[player];
        let place = person.place.filter(|place| self.alive(*place))?;
        let live = self.nodes[place.node].live(player)?;
        (live.0 == person.session).then_some(place.node)
    }

    /// A player does what is next: comes, finishes a game, accepts an invite, or sends one.
    fn act(&mut self, player: usize) {
        let node = self.dice.below(NODES);
        let Some(node) = self.node_of(player) else { return self.connect(player, node) };
        let entered = self.nodes[node].live(player).is_some_and(|(_, entered)| entered);
        if self.nodes[node].stopped || !entered {
            return;
        }
        if self.dice.chance(5) {
            let session = self.persons[player].session;
            self.persons[player] = super::Person { gone: true, ..super::Person::default() };
            return self.end(node, player, session);
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
            self.end(old, player, self.persons[player].session);
        }
        let session = self.sessions;
        self.sessions += 1;
        self.persons[player] =
            super::Person { place: Some(self.place(node)), session, waits: false, gone: false };
        self.open(node, player, session);
    }

    fn beat(&mut self, node: usize) {
        if self.nodes[node].stopped {
            return;
        }
        self.end_unentered(node);
        self.send(node, Command::Online(None));
        self.send(node, Command::Nodes);
    }

    fn renew_late(&mut self, node: usize) {
        self.hit(Fault::LateLease);
        self.nodes[node].late_until_ms = self.now_ms + 6_000 + self.dice.below(14_000) as u64;
    }

    fn crash(&mut self, node: usize) {
        self.note(|| format!("node {node} dies"));
        let (life, primary) = (self.nodes[node].life + 1, self.group.primary());
        self.hit(Fault::Crash);
        self.nodes[node] = Node::new(life, primary, self.group.line(primary));
        self.hear_anew(node);
    }

    fn stop_or_continue(&mut self, node: usize) {
        self.nodes[node].stopped = !self.nodes[node].stopped;
        if self.nodes[node].stopped {
            return self.hit(Fault::Stop);
        }
        // What browsers left meanwhile is noticed now.
        let place = self.place(node);
        let is_left = |player: usize, session: u32| {
            let person = self.persons[player];
            person.place != Some(place) || person.session != session
        };
        let open = self.nodes[node].open.iter().map(|open| (open.player, open.session));
        for (player, session) in
            open.filter(|(player, session)| is_left(*player, *session)).collect::<Vec<_>>()
        {
            self.end(node, player, session);
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
        self.lose_errands(node);
        self.hear_anew(node);
    }

    fn fail_over_or_turn(&mut self) {
        if self.dice.below(3) > 0 {
            self.group.turn_one(&mut self.dice);
            return self.copy_leases();
        }
        let dies = self.dice.below(2) == 0;
        if self.group.fail_over(dies, &mut self.dice) {
            self.hit(Fault::Failover);
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
        if matches!(self.letters[at], Letter::Ask { command: Command::Leave { .. }, .. }) {
            self.hit(Fault::LostLeave);
        }
        if matches!(self.letters[at], Letter::Ask { .. } | Letter::Reply { .. } | Letter::Settling { .. }) {
            self.letters.swap_remove(at);
        }
    }

    /// No more faults: everything answers, all letters arrive, and nodes look after what was left half done.
    pub(super) fn calm(&mut self) -> Checked<()> {
        self.group.come_back(None);
        self.copy_leases();
        for node in 0..NODES {
            if self.nodes[node].stopped {
                self.stop_or_continue(node);
            }
        }
        for _ in 0..ROUNDS {
            self.now_ms += 1_000;
            for node in 0..NODES {
                self.lose_errands(node);
                self.switch(node);
                self.nodes[node].late_until_ms = 0;
                self.renew(node);
                self.follow(node);
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
                for node in 0..NODES {
                    self.serve_sessions(node);
                    self.follow(node);
                }
            }
            if !self.letters.is_empty() {
                return Err("letters without end".to_owned());
            }
            self.check_step()?;
        }
        Ok(())
    }
}
