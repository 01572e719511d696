//! What a schedule may do, what is left out of the protocol to see that the checks notice, and what came of it.

/// What a schedule may do.
#[expect(clippy::struct_excessive_bools, reason = "each is one kind of fault")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Replicas are promoted, old primaries go on for a while.
    pub failovers: bool,
    /// The group of the stream goes away, and comes back with its data, behind, or empty.
    pub absences: bool,
    /// The stream has a group of its own.
    pub apart: bool,
    /// Nodes are stopped and continued.
    pub zombies: bool,
    /// Clocks jump.
    pub clocks: bool,
    /// While the shard is away both seats often want something at once: to resign, which nodes of version 0.3.0 let them do
    /// unsaved.
    pub rivals: bool,
    /// Some nodes are of the previous release, and are upgraded when they start again.
    pub mixed: bool,
    /// Faults are more frequent, and players resign more often.
    pub rough: bool,
    /// What is left out.
    pub without: Without,
}

/// One safeguard of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Without {
    /// None is left out.
    #[default]
    Nothing,
    /// The script compares the number of records.
    Number,
    /// A request that is there is known again, by the script and by nodes.
    Request,
    /// The script asks whether the session is the live one.
    Session,
    /// Times of one game never go back.
    Times,
    /// What a stream lost is appended again.
    Heal,
    /// Everything held is read again after a subscriber was lost, and compared at each heartbeat.
    Reload,
    /// A browser says which tip it has seen.
    Seen,
    /// A browser is told when the game went back.
    Word,
    /// A seat that comes from another node waits until the other seat's node has told how far it is.
    Hear,
    /// A record is saved when all replicas have it, not when one has.
    WaitAll,
    /// Of two that offer unsaved records at once, the first seat's node wins.
    TieBreak,
    /// What is played unsaved counts only when the other seat's node has it.
    Consent,
    /// A browser keeps what is not saved, and gives it back when nobody else has it.
    Sealed,
    /// A game is put away only when its last record is saved.
    SavedEnd,
    /// A game is put into the archive once.
    Once,
    /// What is unsaved shows no card, and a resignation waits.
    Backs,
    /// Records have a form that every node can read.
    Kinds,
}

/// A kind of fault that a schedule draws, or that came of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A node dies, and another comes in its place.
    Crash,
    /// A node stands still, to go on later.
    Stop,
    /// A node's subscriber connection has become silent.
    Deaf,
    /// A node gives up waiting for all that it asked.
    GivenUp,
    /// A replica is promoted.
    Failover,
    /// The group of the stream goes away.
    Absence,
    /// A server's clock jumps.
    Jump,
    /// A question or an answer is lost.
    Lost,
    /// A question or a publication comes twice.
    Doubled,
    /// A node's exchanges become slow.
    Slow,
    /// A reply comes late since they are.
    LateReply,
    /// Records are appended after their node gave the append up.
    LateAppend,
    /// An append is answered after its node gave it up.
    LateAnswer,
    /// A node of the previous release is upgraded.
    Upgrade,
    /// Something is published from one release to the other.
    Across,
    /// A game has records of both formats.
    Mixed,
    /// The word that a session left is lost.
    LostLeave,
    /// A node that lives does not renew its lease for a while.
    LateLease,
    /// A player is taken out whose node lives.
    WrongReap,
}

/// How many kinds there are.
const FAULTS: usize = Fault::WrongReap as usize + 1;

/// How often each came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Faults([usize; FAULTS]);

impl Faults {
    /// It came once more.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often it came.
    pub fn of(&self, fault: Fault) -> usize {
        self.0[fault as usize]
    }

    /// Tells how often each of these came, which is as often as it has to be.
    #[expect(clippy::print_stdout, reason = "how often each came is a report")]
    pub fn each_came(&self, least: &[(Fault, usize)]) {
        for (fault, least) in least {
            let came = self.of(*fault);
            println!("{fault:?} came {came} times");
            assert!(came >= *least, "{fault:?} came {came} times, less than {least}");
        }
    }
}

impl std::ops::AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }
}

/// What happened, to see that the schedules are not idle.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Records in the streams at the end.
    pub records: usize,
    /// Requests answered as done.
    pub done: usize,
    /// Of them answered while their records were unsaved.
    pub unsaved: usize,
    /// Records called saved.
    pub saved: usize,
    /// Requests answered as done whose records are gone, their browsers told.
    pub lost: usize,
    /// Of them those whose records a node held when the stream lost them: they might have been healed.
    pub held: usize,
    /// Records appended again.
    pub healed: usize,
    /// Browsers told that the game went back.
    pub told: usize,
    /// Offers refused since other records came first.
    pub gave_way: usize,
    /// Games in the archive.
    pub archived: usize,
    /// Sessions told of another one, though they were the newest of their accounts.
    pub ousted: usize,
    /// How often each fault came.
    pub faults: Faults,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.done += other.done;
        self.unsaved += other.unsaved;
        self.saved += other.saved;
        self.lost += other.lost;
        self.held += other.held;
        self.healed += other.healed;
        self.told += other.told;
        self.gave_way += other.gave_way;
        self.archived += other.archived;
        self.ousted += other.ousted;
        self.faults += other.faults;
    }
}
