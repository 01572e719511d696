//! A node of the lobby's schedules around the product's own code: its sessions, its mirror of the lobby and what that follows,
//! its lease, and how it looks after what others left behind.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt;
use nineflags::cluster::mirror::Mirror;
use nineflags::cluster::sessions::{Events, Sessions, Told};
use nineflags::ids::SessionId;
use nineflags::lobby::dead::Looks;
use nineflags::lobby::event::{PlayerEvent, Versioned};
use nineflags::lobby::following::Following;
use nineflags::lobby::presence::{Held, Repair, repair};
use nineflags::outbox::{Outbox, OutboxReader, outbox};
use nineflags::protocol::CloseCode;
use uuid::Uuid;

use super::{Fault, Leases, LobbyWorld, Without};
use crate::model::lobby::{Command, Live, PLAYERS, Place, Reply, account};
use crate::schedules::redis::{Deaf, Line};

/// How long a lease stands, and how often it is renewed.
const LEASE_MS: u64 = 3_000;
const RENEW_MS: u64 = 500;

pub(super) struct Node {
    pub(super) life: u32,
    pub(super) stopped: bool,
    pub(super) primary: usize,
    pub(super) hears: Line,
    pub(super) deaf: bool,
    pub(super) mirror: Mirror,
    following: Following,
    /// The connections that were heard.
    connection: u64,
    /// The lobby is being read.
    reading: bool,
    /// What was heard and not taken in, and over which connection.
    heard: VecDeque<(u64, Versioned)>,
    pub(super) sessions: Sessions,
    /// The websockets.
    pub(super) open: Vec<Open>,
    looks: Looks<Place>,
    renewed_ms: u64,
    /// The lease is not renewed until then.
    pub(super) late_until_ms: u64,
    pub(super) errands: Vec<(u64, Command)>,
}

/// A websocket, and the task that serves it.
pub(super) struct Open {
    pub(super) player: usize,
    pub(super) session: u32,
    told: Arc<Events>,
    outbox: Outbox,
    _reader: OutboxReader,
}

fn session_id(session: u32) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(session)))
}

fn number(session: SessionId) -> u32 {
    u32::try_from(session.0.as_u128()).expect("small")
}

impl Node {
    pub(super) fn new(life: u32, primary: usize, hears: Line) -> Self {
        Self {
            life,
            stopped: false,
            primary,
            hears,
            deaf: false,
            mirror: Mirror::default(),
            following: Following::default(),
            connection: 0,
            reading: false,
            heard: VecDeque::new(),
            sessions: Sessions::default(),
            open: Vec::new(),
            looks: Looks::default(),
            renewed_ms: 0,
            late_until_ms: 0,
            errands: Vec::new(),
        }
    }

    /// The session that a player has here, if any, and whether the store knows it.
    pub(super) fn live(&self, player: usize) -> Option<(u32, bool)> {
        self.sessions.here(account(player)).map(|here| (number(here.session), here.entered))
    }

    fn at(&self, player: usize, session: u32) -> Option<usize> {
        self.open.iter().position(|open| (open.player, open.session) == (player, session))
    }
}

// ---- sessions ----------------------------------------------------------------------------------------------------

impl LobbyWorld {
    /// A websocket is opened: the node knows its session before the store does.
    pub(super) fn open(&mut self, node: usize, player: usize, session: u32) {
        let (outbox, reader) = outbox();
        let known = &mut self.nodes[node];
        let told = known.sessions.enter(account(player), session_id(session), outbox.clone());
        known.open.push(Open { player, session, told, outbox, _reader: reader });
        self.send(node, Command::Enter { player, session });
    }

    /// A websocket is closed, or was never welcomed: the node forgets its session, and tells the store.
    pub(super) fn end(&mut self, node: usize, player: usize, session: u32) {
        let known = &mut self.nodes[node];
        if let Some(at) = known.at(player, session) {
            known.open.swap_remove(at);
            known.sessions.leave(account(player), session_id(session));
            self.send(node, Command::Leave { player, session });
        }
    }

    /// What sessions do with what they are told, and those that are asked to close.
    pub(super) fn serve_sessions(&mut self, node: usize) {
        if self.nodes[node].stopped {
            return;
        }
        let (mut asks, mut ends) = (Vec::new(), Vec::new());
        for Open { player, session, told, outbox, .. } in &mut self.nodes[node].open {
            while let Some(told) = told.next().now_or_never() {
                match told {
                    Told::Reenter => asks.push(Command::Reenter { player: *player, session: *session }),
                    Told::Event(PlayerEvent::TakenOver { session: older })
                        if older == session_id(*session) =>
                    {
                        outbox.close(CloseCode::TakenOver);
                    }
                    Told::Event(_) | Told::Reconnect(_) | Told::Missed => {}
                }
            }
            ends.extend(outbox.closing().map(|_| (*player, *session)));
        }
        for ask in asks {
            self.send(node, ask);
        }
        for (player, session) in ends {
            self.end(node, player, session);
        }
    }

    /// Another session took over from one that was here.
    pub(super) fn taken_over(&mut self, node: usize, player: usize, session: u32) {
        let event = PlayerEvent::TakenOver { session: session_id(session) };
        self.nodes[node].sessions.tell(account(player), event);
    }

    /// The store knows a session, or does not want it.
    pub(super) fn entered(&mut self, node: usize, player: usize, session: u32, is_live: bool) {
        let known = &self.nodes[node];
        match known.at(player, session) {
            Some(_) if is_live => {
                known.sessions.entered(account(player), session_id(session));
                self.tally.entered += 1;
            }
            Some(at) => known.open[at].outbox.close(CloseCode::TakenOver),
            None => {}
        }
    }

    /// A session whose entry failed ends.
    pub(super) fn end_unentered(&mut self, node: usize) {
        for player in 0..PLAYERS {
            let Some((session, false)) = self.nodes[node].live(player) else { continue };
            let enter = Command::Enter { player, session };
            if !self.nodes[node].errands.iter().any(|(_, command)| *command == enter) {
                self.end(node, player, session);
            }
        }
    }

    /// What the store holds is compared with the sessions here, both ways.
    pub(super) fn compared(&mut self, node: usize, online: [Option<Live>; PLAYERS], tables: &[u128]) {
        let (place, without) = (self.place(node), self.plan.without);
        let mut elsewhere = BTreeSet::new();
        let entered = self.nodes[node].sessions.entered_here();
        for (player, live) in online.into_iter().enumerate() {
            let is_here = live.is_some_and(|live| live.place == place);
            elsewhere.extend(live.filter(|_| !is_here).map(|live| live.place));
            if !is_here && !entered.contains(&account(player)) {
                continue;
            }
            let held = live.map(|live| Held { session: session_id(live.session), here: live.place == place });
            let sessions = &self.nodes[node].sessions;
            match repair(sessions.here(account(player)), held) {
                Repair::Leave(session) if without != Without::Sweep => {
                    self.send(node, Command::Leave { player, session: number(session) });
                }
                Repair::Reenter(session) if without != Without::Compare => {
                    sessions.reenter(account(player), session);
                }
                Repair::Close(session) if without != Without::Compare => {
                    sessions.taken_over(account(player), session);
                }
                _ => {}
            }
        }
        // Slice by slice: not all at each beat.
        if !elsewhere.is_empty() && self.dice.chance(250) {
            self.send(node, Command::Suspect(elsewhere.into_iter().collect()));
        }
        if without != Without::Reap {
            let over = tables.iter().copied().filter(|table| self.ended.contains(table));
            for table in over.collect::<Vec<_>>() {
                self.put_away(node, table);
            }
        }
    }
}

// ---- leases and dead nodes ---------------------------------------------------------------------------------------

impl LobbyWorld {
    /// Says at the primary that a node lives, on a connection of its own.
    pub(super) fn renew(&mut self, node: usize) {
        let (place, server) = (self.place(node), self.nodes[node].primary);
        let known = &self.nodes[node];
        let is_due = known.renewed_ms + RENEW_MS <= self.now_ms && known.late_until_ms <= self.now_ms;
        if known.stopped || !is_due || self.group.may_write(server).is_err() {
            return;
        }
        self.nodes[node].renewed_ms = self.now_ms;
        if !self.group.server(server).data.nodes.contains(&place) {
            self.group.write(server, crate::model::lobby::Write::Expect(vec![place]));
        }
        self.leases[server].insert(place, self.now_ms + LEASE_MS);
        for copy in self.group.copies(server) {
            // Its replicas follow at once, or with the next one.
            if self.dice.chance(700) {
                self.leases[copy].insert(place, self.now_ms + LEASE_MS);
            }
        }
    }

    /// A server has everything that its primary has.
    pub(super) fn copy_leases(&mut self) {
        let primary = self.group.primary();
        for copy in self.group.copies(primary) {
            self.leases[copy] = self.leases[primary].clone();
        }
    }

    /// Which leases stand at a server.
    pub(super) fn leases(&self, server: usize) -> Leases {
        let live = self.leases[server].iter().filter(|(_, until)| **until > self.now_ms);
        Leases { now_ms: self.now_ms, live: live.map(|(place, _)| *place).collect() }
    }

    /// It was looked whose leases have lapsed.
    pub(super) fn looked(&mut self, node: usize, lapsed: &[Place]) {
        let own = self.place(node);
        let looks = &mut self.nodes[node].looks;
        if self.plan.without == Without::Looks {
            looks.dead(own, lapsed);
        }
        for dead in looks.dead(own, lapsed) {
            if self.plan.without != Without::Reap {
                self.send(node, Command::Claim(dead));
            }
        }
    }

    /// Takes a slice of a dead node's players out, or forgets it where nobody is left.
    pub(super) fn reap(&mut self, node: usize, dead: Place, online: [Option<Live>; PLAYERS]) {
        let left = online.into_iter().enumerate();
        let left = left.filter_map(|(player, live)| Some((player, live.filter(|live| live.place == dead)?)));
        let left: Vec<_> = left.collect();
        if left.is_empty() {
            self.send(node, Command::Forget(dead));
        }
        for (player, Live { session, .. }) in left {
            self.send(node, Command::Reap { player, session, dead });
        }
    }

    /// A player was taken out of a node that was held to be dead.
    pub(super) fn was_reaped(&mut self, server: usize, player: usize, session: u32, dead: Place) {
        if self.leases(server).live.contains(&dead) {
            self.wrong = Some(format!("player {player} was taken out of a node that lives: {dead:?}"));
        }
        let lives = self.alive(dead) && !self.nodes[dead.node].stopped;
        if lives && self.nodes[dead.node].at(player, session).is_some() {
            self.hit(Fault::WrongReap);
        }
    }
}

// ---- the mirror --------------------------------------------------------------------------------------------------

impl LobbyWorld {
    /// A node hears over a new connection, and may have missed something.
    pub(super) fn hear_anew(&mut self, node: usize) {
        let now = self.now();
        let known = &mut self.nodes[node];
        known.connection += 1;
        known.following.missed(now, known.connection);
    }

    pub(super) fn hear(&mut self, node: usize, change: Versioned) {
        let known = &mut self.nodes[node];
        known.heard.push_back((known.connection, change));
    }

    /// Reads the lobby where it is time to, or takes in what was heard; not while the lobby is being read.
    pub(super) fn follow(&mut self, node: usize) {
        let now = self.now();
        let known = &mut self.nodes[node];
        if known.stopped || known.reading {
            return;
        }
        if known.following.read_at().is_some_and(|at| at <= now) {
            known.following.reads(now);
            known.reading = true;
            self.tally.reads += 1;
            return self.send(node, Command::Snapshot);
        }
        while let Some((connection, change)) = known.heard.pop_front() {
            if known.following.counts(connection) {
                let applied = known.mirror.apply(&change);
                if self.plan.without != Without::Gap {
                    known.following.applied(now, applied);
                }
            }
        }
    }

    pub(super) fn was_read(&mut self, node: usize, reply: Result<Reply, Deaf>) {
        let known = &mut self.nodes[node];
        known.reading = false;
        match reply {
            Ok(Reply::Snapshot(snapshot)) => known.mirror.load(*snapshot),
            _ => known.following.failed(),
        }
    }

    /// Nothing that was asked is answered any more.
    pub(super) fn lose_errands(&mut self, node: usize) {
        self.nodes[node].errands.clear();
        if self.nodes[node].reading {
            self.was_read(node, Err(Deaf::Away));
        }
    }
}
