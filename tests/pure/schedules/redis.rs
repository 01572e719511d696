//! A model of a Redis group: a primary, two replicas that follow late, and every way in which such a group fails.

use crate::model::dice::Dice;

/// The servers of a group.
pub const SERVERS: usize = 3;
/// Steps without a replica after which a primary refuses to write: `min-replicas-max-lag`.
const LAG_STEPS: u32 = 12;

/// What a server holds; every write is one change that is replicated whole.
pub trait Data: Clone + Default {
    /// A change.
    type Write: Clone;

    /// Makes it.
    fn take(&mut self, write: &Self::Write);
}

/// One Redis.
#[derive(Clone)]
pub struct Server<D: Data> {
    /// What it holds.
    pub data: D,
    log: Vec<D::Write>,
    /// Whom it replicates; a primary nobody.
    follows: Option<usize>,
    up: bool,
    lonely: u32,
    /// Which of its lives and roles this is: connections do not outlast it.
    role: u32,
    /// How far its clock is from the right one.
    pub skew_ms: i64,
}

/// Why a server does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deaf {
    /// It does not answer.
    Away,
    /// It is no primary.
    NotPrimary,
    /// It has no replica to give the write to.
    NoReplicas,
}

/// How many writes a server had in one of its roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    writes: usize,
    role: u32,
}

/// A connection to a server in one of its roles: a server that gets another role closes all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    server: usize,
    role: u32,
}

impl Line {
    /// To a server that has not changed its role yet.
    pub fn first(server: usize) -> Self {
        Self { server, role: 0 }
    }
}

/// The servers, and who is the primary by the sentinels.
pub struct Group<D: Data> {
    servers: Vec<Server<D>>,
    primary: usize,
    away: bool,
    /// The first writes, which a restart always finds in the file.
    base: usize,
}

impl<D: Data> Group<D> {
    /// A group all of whose servers have these writes.
    pub fn with(base: &[D::Write]) -> Self {
        let mut data = D::default();
        for write in base {
            data.take(write);
        }
        let server = |number: usize| Server {
            data: data.clone(),
            log: base.to_vec(),
            follows: (number > 0).then_some(0),
            up: true,
            lonely: 0,
            role: 0,
            skew_ms: 0,
        };
        Self { servers: (0..SERVERS).map(server).collect(), primary: 0, away: false, base: base.len() }
    }

    /// The primary by the sentinels.
    pub fn primary(&self) -> usize {
        self.primary
    }

    /// A server.
    pub fn server(&self, number: usize) -> &Server<D> {
        &self.servers[number]
    }

    /// What the primary holds.
    pub fn data(&self) -> &D {
        &self.servers[self.primary].data
    }

    /// Whether no server answers.
    pub fn is_away(&self) -> bool {
        self.away || !self.servers[self.primary].up
    }

    /// Whether a server answers questions as a primary.
    pub fn may_read(&self, number: usize) -> Result<(), Deaf> {
        let server = &self.servers[number];
        match server.follows {
            _ if self.away || !server.up => Err(Deaf::Away),
            Some(_) => Err(Deaf::NotPrimary),
            None => Ok(()),
        }
    }

    /// Whether a server takes writes.
    pub fn may_write(&self, number: usize) -> Result<(), Deaf> {
        self.may_read(number)?;
        if self.servers[number].lonely > LAG_STEPS { Err(Deaf::NoReplicas) } else { Ok(()) }
    }

    /// Makes a change at a server that takes writes.
    pub fn write(&mut self, number: usize, write: D::Write) {
        let server = &mut self.servers[number];
        server.data.take(&write);
        server.log.push(write);
    }

    /// How many writes a server has had.
    pub fn length(&self, number: usize) -> usize {
        self.servers[number].log.len()
    }

    /// A connection to a server as it is now.
    pub fn line(&self, number: usize) -> Line {
        Line { server: number, role: self.servers[number].role }
    }

    /// Where a server is now.
    pub fn offset(&self, number: usize) -> Offset {
        Offset { writes: self.length(number), role: self.servers[number].role }
    }

    /// Whether the connection on which an offset was asked for is gone.
    pub fn is_broken(&self, number: usize, offset: Offset) -> bool {
        self.servers[number].role != offset.role
    }

    /// The servers that follow one.
    pub fn copies(&self, number: usize) -> Vec<usize> {
        let is_copy = |other: &usize| self.servers[*other].up && self.servers[*other].follows == Some(number);
        (0..SERVERS).filter(is_copy).collect()
    }

    fn followers(&self, number: usize) -> impl Iterator<Item = &Server<D>> {
        self.servers.iter().filter(move |server| server.up && server.follows == Some(number))
    }

    /// Whether so many writes of a server are saved: every replica has them, also those that follow another by now;
    /// or, where the safeguard is left out, any one has them.
    pub fn is_saved(&self, number: usize, offset: Offset, any_one: bool) -> bool {
        let attached = self.followers(number).count();
        let others = (0..SERVERS).filter(|other| *other != number && self.servers[*other].up).count();
        let needed = if any_one { 1 } else { attached.max(others) };
        self.followers(number).filter(|server| server.log.len() >= offset.writes).count() >= needed
    }

    /// What a server and all its living replicas hold alike: that of the replica that is furthest behind.
    pub fn shared(&self, number: usize) -> &D {
        let behind = self.followers(number).min_by_key(|server| server.log.len());
        &behind.unwrap_or(&self.servers[number]).data
    }

    /// Time goes by: one replica may get one write, and lonely primaries grow doubtful.
    pub fn step(&mut self, dice: &mut Dice) {
        for number in 0..SERVERS {
            let lonely = self.followers(number).next().is_none();
            self.servers[number].lonely = if lonely { self.servers[number].lonely + 1 } else { 0 };
        }
        if self.away {
            return;
        }
        let number = dice.below(SERVERS);
        self.replicate(number);
    }

    fn replicate(&mut self, number: usize) {
        let Some(from) = self.servers[number].follows.filter(|_| self.servers[number].up) else { return };
        let next = self.servers[from].log.get(self.servers[number].log.len()).cloned();
        if let Some(write) = next.filter(|_| self.servers[from].up) {
            self.write(number, write);
        }
    }

    /// The sentinels make a replica the primary; the old one dies, or goes on as if nothing had happened. False if
    /// there is no replica to take.
    pub fn fail_over(&mut self, dies: bool, dice: &mut Dice) -> bool {
        // Sentinels know late how far replicas are: any of them.
        let fit: Vec<usize> = (0..SERVERS)
            .filter(|number| self.servers[*number].up && self.servers[*number].follows == Some(self.primary))
            .collect();
        if fit.is_empty() || self.away {
            return false;
        }
        if dies {
            self.servers[self.primary].up = false;
        }
        self.primary = *dice.pick(&fit);
        self.servers[self.primary].follows = None;
        self.servers[self.primary].role += 1;
        self.servers[self.primary].lonely = 0;
        true
    }

    /// One server that does not follow the primary is made to: a replica of the old one, the old one itself, or one that
    /// was restarted. It gets everything at once.
    pub fn turn_one(&mut self, dice: &mut Dice) {
        let primary = self.primary;
        let astray: Vec<usize> = (0..SERVERS)
            .filter(|number| *number != primary && self.servers[*number].follows != Some(primary))
            .collect();
        if self.is_away() || astray.is_empty() {
            return;
        }
        let skew_ms = self.servers[primary].skew_ms;
        let number = *dice.pick(&astray);
        let role = self.servers[number].role + 1;
        let same = self.servers[primary].clone();
        for (other, server) in self.servers.iter_mut().enumerate() {
            if other == number {
                *server =
                    Server { follows: Some(primary), up: true, lonely: 0, role, skew_ms, ..same.clone() };
            } else if server.follows == Some(number) {
                // Its own replicas get everything anew through it.
                let (follows, up, role) = (server.follows, server.up, server.role + 1);
                *server = Server { follows, up, lonely: 0, role, skew_ms, ..same.clone() };
            }
        }
    }

    /// No server answers from now on.
    pub fn leave(&mut self) {
        self.away = true;
    }

    /// All answer again: with what they had, or with the first so many writes of it.
    pub fn come_back(&mut self, kept: Option<usize>) {
        let primary = self.primary;
        if let Some(kept) = kept {
            let mut log = std::mem::take(&mut self.servers[primary].log);
            log.truncate(kept);
            let mut data = D::default();
            for write in &log {
                data.take(write);
            }
            self.servers[primary].data = data;
            self.servers[primary].log = log;
        }
        let server = Server { lonely: 0, up: true, follows: None, ..self.servers[primary].clone() };
        for (number, other) in self.servers.iter_mut().enumerate() {
            let role = other.role + 1;
            *other = Server { follows: (number != primary).then_some(primary), role, ..server.clone() };
        }
        self.away = false;
    }

    /// The first writes, which a restart always finds.
    pub fn base(&self) -> usize {
        self.base
    }

    /// A server's clock jumps.
    pub fn jump(&mut self, number: usize, skew_ms: i64) {
        self.servers[number].skew_ms = skew_ms;
    }

    /// The servers that take themselves for the primary.
    pub fn primaries(&self) -> Vec<usize> {
        let own = |number: &usize| self.servers[*number].up && self.servers[*number].follows.is_none();
        (0..SERVERS).filter(own).collect()
    }

    /// Who follows whom, for people.
    pub fn roles(&self) -> String {
        let role = |server: &Server<D>| match server.follows {
            _ if !server.up => "down".to_owned(),
            None => format!("primary {}", server.log.len()),
            Some(from) => format!("of {from} {}", server.log.len()),
        };
        self.servers.iter().map(role).collect::<Vec<_>>().join(", ")
    }
}
