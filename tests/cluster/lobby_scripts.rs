//! The scripts of the lobby in a real Redis, compared call by call with the model that the pure tests fail nodes over.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::StreamExt;
use nineflags::host::TableInfo;
use nineflags::ids::{NodeId, RequestId, SessionId, TableId};
use nineflags::lobby::event::{NodeEvent, PlayerEvent, Versioned};
use nineflags::store::Store;
use nineflags::store::accounts::Account;
use nineflags::store::archive::{ArchivedGame, Keep};
use nineflags::store::invites::{NewTable, Removed, Sender, Sent, Standing, Started};
use nineflags::store::lobby::Entered;
use nineflags::store::nodes::NodeState;
use nineflags::store::presence::Left;
use nineflags::table::options::TableOptions;
use redis::aio::PubSubStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::harness::lone::Redis;
use crate::model::dice::Dice;
use crate::model::lobby::{
    Command, Held, Leases, Leaves, PLAYERS, Place, Reply, Write, account, by_seat, name,
};

/// Calls that are compared.
const CALLS: usize = 3_000;
/// Nodes they come from.
const NODES: usize = 3;
/// How long a publication may take.
const WITHIN: Duration = Duration::from_secs(10);

fn player(player: usize) -> Account {
    let (id, name) = (account(player), name(player));
    Account { id, name, guest: false, password: String::new(), created_ms: 0 }
}

fn node_id(node: usize) -> NodeId {
    NodeId(Uuid::from_u128(1 + node as u128))
}

fn session_id(session: u32) -> SessionId {
    SessionId(Uuid::from_u128(1 + u128::from(session)))
}

fn table_id(table: u128) -> TableId {
    TableId(Uuid::from_u128(table))
}

/// A new one each time.
fn request() -> RequestId {
    Uuid::new_v4().simple().to_string().parse().expect("an id")
}

/// Both ends of the comparison.
struct Compared {
    model: Held,
    leases: Leases,
    store: Store,
    /// The lobby's channel.
    lobby: PubSubStream,
    /// The channels of all nodes.
    nodes: PubSubStream,
    /// Tables as they were made: they may be closed again and again.
    made: HashMap<u128, TableInfo>,
    /// Games as they were put into the archive first.
    kept: HashMap<u128, u64>,
    /// What was answered to which command, to see that no call is idle.
    seen: BTreeSet<(String, bool)>,
}

impl Compared {
    async fn new(redis: &Redis) -> Self {
        let client = redis::Client::open(redis.url()).expect("a URL");
        let mut lobby = client.get_async_pubsub().await.expect("a subscriber");
        lobby.subscribe("lobby").await.expect("a channel");
        let mut nodes = client.get_async_pubsub().await.expect("a subscriber");
        nodes.psubscribe("node:*").await.expect("channels");
        let (lobby, nodes) = (lobby.into_on_message(), nodes.into_on_message());
        let (model, store) = (Held::default(), redis.store().await);
        let (made, kept, seen) = (HashMap::new(), HashMap::new(), BTreeSet::new());
        Self { model, leases: Leases::default(), store, lobby, nodes, made, kept, seen }
    }

    /// A node's lease is renewed, or lapses.
    async fn lease(&mut self, redis: &Redis, node: usize, lives: bool) {
        let place = Place { node, life: 0 };
        if lives {
            let state = state(node_id(node));
            self.store.heartbeat(&state, 600_000).await.expect("Redis answers");
            self.leases.live.insert(place);
            self.model.take(&Write::Expect(vec![place]));
        } else {
            let _: u64 = redis.query(&["DEL", &format!("node:{}", node_id(node))]).await;
            self.leases.live.remove(&place);
        }
    }

    /// What the real scripts answer, in the words of the model.
    async fn real(&mut self, node: usize, command: &Command) -> Reply {
        let (store, done) = (&self.store, |done: bool| if done { Reply::Done } else { Reply::Refused });
        let answered = "Redis answers";
        match *command {
            Command::Enter { player: of, session } => {
                store.enter(&player(of), None, node_id(node), session_id(session)).await.expect(answered);
                // Whom it took over is told on the channels of the nodes.
                Reply::Entered(self.model.online[of])
            }
            Command::Reenter { player: of, session } => {
                let entered = store.reenter(&player(of), None, node_id(node), session_id(session)).await;
                if entered.expect(answered) == Entered::Live {
                    Reply::Entered(self.model.online[of])
                } else {
                    Reply::Refused
                }
            }
            Command::Leave { player: of, session } => {
                let left = Left::Gone { abandoned_ms: 60_000 };
                let left = store.leave(account(of), session_id(session), left).await.expect(answered);
                let was_live = self.model.online[of].is_some_and(|live| live.session == session);
                assert_eq!(left, was_live, "{command:?}");
                Reply::Done
            }
            Command::Invite { from, to } => {
                let (from_name, to_name) = (name(from), name(to));
                let options = TableOptions::default();
                let invite = Standing { id: None, from_name, to_name, options, resume: None, expires_ms: 0 };
                let sent = store
                    .invite_send(&request(), account(from), account(to), &invite, &Sender::Known, 600_000)
                    .await;
                done(sent.expect(answered) == Sent::Sent)
            }
            Command::Remove { from, to } => {
                // Half of them are declined by the one, half withdrawn by the other.
                let removed = if node == 0 {
                    store.invite_withdraw(&request(), &player(from), account(to), None).await
                } else {
                    store.invite_decline(&request(), &player(to), account(from), None).await
                };
                done(removed.expect(answered) == Removed::Done)
            }
            Command::Block { by, other } => {
                done(store.block(account(by), account(other)).await.expect(answered))
            }
            Command::Unblock { by, other } => {
                store.unblock(account(by), account(other)).await.expect(answered);
                Reply::Done
            }
            Command::Accept { by, from, table } => {
                let (accounts, names) = (by_seat([from, by], account), by_seat([from, by], name));
                let new = NewTable { table: table_id(table), accounts, names, start: "start".to_owned() };
                let started = {
                    let offer = store.invite_between(account(from), account(by)).await.expect(answered);
                    let text = offer.map(|offer| offer.text).unwrap_or_default();
                    store.invite_accept(account(by), account(from), &text, &new).await.expect(answered)
                };
                if started == Started::Started {
                    let info = store.table_info(table_id(table)).await.expect(answered);
                    self.made.insert(table, info.expect("it was made"));
                }
                done(started == Started::Started)
            }
            Command::Close(table) => {
                store.table_close(table_id(table), &self.made[&table]).await.expect(answered);
                Reply::Done
            }
            Command::Archive(table) => {
                let started_ms = u64::try_from(self.seen.len()).expect("small");
                store.archive_put(&kept(table, started_ms), Keep::ForEver).await.expect(answered);
                let game =
                    store.archive_read(table_id(table)).await.expect(answered).expect("it was put there");
                // What was put there first stays.
                assert_eq!(game.started_ms, *self.kept.entry(table).or_insert(started_ms));
                Reply::Done
            }
            Command::Snapshot => {
                let mut read = store.lobby_read().await.expect(answered);
                read.players.sort_by_key(|player| player.account);
                read.tables.sort_by_key(|table| table.row.table);
                Reply::Snapshot(Box::new(read))
            }
            Command::Online(_) => unreachable!("what it reads is compared by itself"),
            Command::Nodes
            | Command::Suspect(_)
            | Command::Claim(_)
            | Command::Reap { .. }
            | Command::Forget(_) => self.real_of_nodes(node, command).await,
        }
    }

    /// The same for what is asked about nodes.
    async fn real_of_nodes(&self, node: usize, command: &Command) -> Reply {
        let (store, done) = (&self.store, |done: bool| if done { Reply::Done } else { Reply::Refused });
        let answered = "Redis answers";
        match *command {
            Command::Nodes => {
                let (_, lapsed) = store.nodes().await.expect(answered);
                let mut lapsed: Vec<_> = lapsed.into_iter().map(place_of).collect();
                lapsed.sort_unstable();
                Reply::Nodes(lapsed)
            }
            Command::Suspect(ref places) => {
                let nodes = places.iter().map(|place| node_id(place.node)).collect();
                store.nodes_suspect(&nodes).await.expect(answered);
                Reply::Done
            }
            Command::Claim(dead) => {
                done(store.reaper_claim(node_id(dead.node), node_id(node)).await.expect(answered))
            }
            Command::Reap { player: of, session, dead } => {
                let left = Left::Dead { node: node_id(dead.node), abandoned_ms: 60_000 };
                let left = store.leave_all(&[(account(of), session_id(session))], left).await;
                done(left.expect(answered).is_some())
            }
            Command::Forget(dead) => done(store.node_forget(node_id(dead.node)).await.expect(answered)),
            _ => unreachable!("it is about no node"),
        }
    }

    /// Makes one call at both, and compares the answers and what is published.
    async fn call(&mut self, node: usize, command: &Command) {
        let place = Place { node, life: 0 };
        let (expected, write) = self.model.weigh(place, command, Leaves::Nothing, &self.leases);
        let answer = self.real(node, command).await;
        match (&answer, &expected) {
            (Reply::Snapshot(read), Reply::Snapshot(model)) => {
                assert_eq!(format!("{read:?}"), format!("{model:?}"));
            }
            (Reply::Nodes(read), Reply::Nodes(model)) => assert_eq!(read, model),
            _ => assert_eq!(format!("{answer:?}"), format!("{expected:?}"), "{command:?}"),
        }
        let kind = format!("{command:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
        self.seen.insert((kind, write.is_some()));
        let Some(write) = write else { return };
        let older = match (&write, expected) {
            (Write::Enter(_, live), Reply::Entered(Some(older))) if older.session != live.session => {
                Some(older)
            }
            _ => None,
        };
        self.model.take(&write);
        if let Some(older) = older {
            self.expect_taken_over(older.place.node, older.session).await;
        }
        if let Some(expected) = self.model.told(&write) {
            let heard = timeout(WITHIN, self.lobby.next()).await.expect("it is published").expect("open");
            let heard: String = heard.get_payload().expect("text");
            let heard: Versioned = serde_json::from_str(&heard).expect("a change of the lobby");
            assert_eq!(heard, expected, "{command:?}");
        }
    }

    /// The node of an older session is told so next, other events aside.
    async fn expect_taken_over(&mut self, node: usize, session: u32) {
        loop {
            let heard = timeout(WITHIN, self.nodes.next()).await.expect("it is told").expect("open");
            let channel = heard.get_channel_name().to_owned();
            let heard: String = heard.get_payload().expect("text");
            let NodeEvent { event, .. } = serde_json::from_str(&heard).expect("an event");
            if let PlayerEvent::TakenOver { session: told } = event {
                assert_eq!((channel, told), (format!("node:{}", node_id(node)), session_id(session)));
                return;
            }
        }
    }

    /// Compares all that is held.
    async fn compare(&mut self) {
        self.call(0, &Command::Snapshot).await;
        let held = "Redis answers";
        let accounts: Vec<_> = (0..PLAYERS).map(account).collect();
        let live = self.store.entered(&accounts).await.expect(held);
        let live: Vec<_> = live.iter().map(|live| live.as_ref().map(|live| live.session)).collect();
        let place = Place { node: 0, life: 0 };
        let (expected, _) = self.model.weigh(place, &Command::Online(None), Leaves::Nothing, &self.leases);
        let Reply::Online(online, tables) = expected else { panic!("{expected:?}") };
        assert_eq!(live, online.map(|live| live.map(|live| session_id(live.session))));
        for table in self.made.keys() {
            let info = self.store.table_info(table_id(*table)).await.expect(held);
            assert_eq!(info.is_some(), tables.contains(table), "table {table}");
        }
        for player in 0..PLAYERS {
            let table = self.store.seat_of(account(player)).await.expect(held);
            assert_eq!(table, self.model.seats[player].map(table_id));
            let blocked = self.store.blocked(account(player)).await.expect(held);
            let blocked: BTreeSet<_> = blocked.into_iter().map(|(account, _)| account).collect();
            let expected = self.model.blocked.iter().filter(|(by, _)| *by == player);
            assert_eq!(blocked, expected.map(|(_, other)| account(*other)).collect());
            let invites = self.store.invites_of(account(player)).await.expect(held);
            let names = |other: &dyn Fn(&(usize, usize)) -> Option<usize>| -> BTreeSet<_> {
                self.model.invites.iter().filter_map(other).map(|other| name(other).to_string()).collect()
            };
            let received: BTreeSet<_> =
                invites.received.iter().map(|invite| invite.name.to_string()).collect();
            let sent: BTreeSet<_> = invites.sent.iter().map(|invite| invite.name.to_string()).collect();
            assert_eq!(received, names(&|(from, to)| (*to == player).then_some(*from)));
            assert_eq!(sent, names(&|(from, to)| (*from == player).then_some(*to)));
        }
    }

    /// Any command, mostly one that may do something.
    fn any(&self, dice: &mut Dice, sessions: u32, table: u128) -> Command {
        let (one, other) = (dice.below(PLAYERS), dice.below(PLAYERS - 1));
        let other = (one + 1 + other) % PLAYERS;
        let session = match self.model.online[one] {
            Some(live) if dice.chance(700) => live.session,
            _ => u32::try_from(dice.below(sessions as usize)).expect("small"),
        };
        let made: Vec<u128> = self.made.keys().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let dead = Place { node: dice.below(NODES), life: 0 };
        match dice.below(24) {
            0..3 => Command::Enter { player: one, session },
            3..5 => Command::Reenter { player: one, session },
            5 => Command::Leave { player: one, session },
            6..10 => Command::Invite { from: one, to: other },
            10 => Command::Remove { from: one, to: other },
            11..14 => Command::Accept { by: one, from: other, table },
            19 => Command::Claim(dead),
            20 => Command::Forget(dead),
            21 => Command::Reap { player: one, session, dead },
            22 => Command::Suspect(vec![dead]),
            23 => Command::Nodes,
            17 if dice.chance(300) => Command::Block { by: one, other },
            17.. => Command::Unblock { by: one, other },
            _ if made.is_empty() => Command::Enter { player: one, session },
            14 => Command::Archive(made[made.len() - 1]),
            // Mostly one of the last, which may still be played.
            _ if dice.chance(800) => Command::Close(made[made.len() - 1 - dice.below(made.len().min(3))]),
            _ => Command::Close(*dice.pick(&made)),
        }
    }
}

fn place_of(node: NodeId) -> Place {
    Place { node: usize::try_from(node.0.as_u128() - 1).expect("small"), life: 0 }
}

/// What a node says of itself.
fn state(node: NodeId) -> NodeState {
    NodeState {
        node,
        address: "127.0.0.1:1".to_owned(),
        version: "1".to_owned(),
        protocol: 1,
        records: 1,
        shards: 1,
        sessions: 0,
        tables: 0,
        draining: false,
    }
}

/// A game without records, as far as the archive looks at it.
fn kept(table: u128, started_ms: u64) -> ArchivedGame {
    ArchivedGame {
        table: table_id(table),
        accounts: by_seat([0, 1], account),
        names: by_seat([0, 1], name),
        options: TableOptions::default(),
        commitment: String::new(),
        started_ms,
        ended_ms: started_ms,
        ending: None,
        turn: None,
        flags: "---------".to_owned(),
        entries: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_of_the_lobby_do_what_the_model_does() {
    let redis = Redis::start().await;
    let mut compared = Compared::new(&redis).await;
    let mut dice = Dice(2_027);
    for call in 0..CALLS {
        // Sessions and tables have numbers of their own; each session belongs to one player.
        let table = 1_000 + call as u128;
        let mut command = compared.any(&mut dice, 40, table);
        if let Command::Enter { player, session }
        | Command::Reenter { player, session }
        | Command::Leave { player, session }
        | Command::Reap { player, session, .. } = &mut command
        {
            *session = *session / 4 * 4 + u32::try_from(*player).expect("small");
        }
        let node = dice.below(NODES);
        if dice.chance(200) {
            compared.lease(&redis, node, dice.chance(500)).await;
        }
        compared.call(node, &command).await;
        if let Command::Claim(dead) = command {
            // Claims stand as long as the model's time does.
            let _: u64 = redis.query(&["PERSIST", &format!("reaper:{}", node_id(dead.node))]).await;
        }
        if dice.chance(100) {
            compared.compare().await;
        }
    }
    compared.compare().await;
    // Each of them did something, and each was called in vain.
    let kinds = [
        "Accept", "Archive", "Block", "Claim", "Close", "Enter", "Forget", "Invite", "Leave", "Reap",
        "Reenter", "Remove", "Suspect", "Unblock",
    ];
    let both = kinds.iter().map(|kind| ((*kind).to_owned(), true));
    let always = ["Enter", "Forget"];
    let vain = kinds.iter().filter(|kind| !always.contains(kind)).chain(&["Nodes", "Snapshot"]);
    let vain = vain.map(|kind| ((*kind).to_owned(), false));
    assert_eq!(compared.seen, both.chain(vain).collect());
}
