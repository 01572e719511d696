//! The append script in a real Redis: every answer it can give, and random calls compared with the model.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use nineflags::host::Mover;
use nineflags::ids::{AccountId, NodeId, SessionId};
use nineflags::store::Store;
use nineflags::store::games::{Appender, records_by};
use nineflags::table::copy::{Answer, Copy, Effect, Intent, Proposal};
use nineflags::table::record::{Entry, Hash, Salt, Tip};
use serde_json::Value;

use crate::harness::lone::Redis;
use crate::model::append::{Leaves, Stream, tip_of};
use crate::model::dice::Dice;
use crate::model::game::{legal, request, start, table};

/// The node that appends.
const NODE: NodeId = NodeId(uuid::Uuid::from_u128(0x0de));

/// Everything a node appends with.
struct Bench {
    redis: Redis,
    store: Store,
    appender: Appender,
}

impl Bench {
    async fn new() -> Self {
        let redis = Redis::start().await;
        let store = redis.store().await;
        let (appender, work) = Appender::open(store.data(), store.data(), NODE);
        tokio::spawn(work);
        Self { redis, store, appender }
    }

    async fn append(&self, proposal: &Proposal) -> Answer {
        self.append_by(proposal, None).await
    }

    async fn append_by(&self, proposal: &Proposal, mover: Option<Mover>) -> Answer {
        let saved = Box::new(|_| {});
        self.appender.append(table(), proposal, mover, saved).await.expect("an answer")
    }

    async fn stream(&self) -> Vec<Entry> {
        self.store.game_read(0, table()).await.expect("the stream")
    }

    /// What a failover leaves: a stream that never had the later records.
    async fn shorten(&self, entries: &[Entry]) {
        let _: u64 = self.redis.query(&["DEL", &format!("game:{}", table())]).await;
        if !entries.is_empty() {
            let whole = Proposal { at: Tip::default(), entries: entries.to_vec() };
            assert!(matches!(self.append(&whole).await, Answer::Appended { .. }));
        }
    }
}

/// A game of some requests, with times.
fn played(seed: u64, requests: usize) -> Vec<Entry> {
    let (mut copy, mut dice, mut stream) = (Copy::open(table()), Dice(seed), Stream::default());
    let first = copy.propose_start(&request("start"), start(&mut Dice(5)));
    let mut proposals = vec![first];
    for number in 0..=requests {
        let proposal = proposals.remove(0);
        let answer = stream.append(&proposal, true, 1_700_000_000_000, Leaves::default());
        assert_eq!(copy.outcome(proposal, answer), Effect::Applied);
        let game = copy.game().expect("a game");
        let Some(seat) = game.turn() else { break };
        let id = request(&format!("{seed}-{number}"));
        proposals.push(copy.propose(seat, &id, &Intent::Moves(legal(game, &mut dice))).expect("legal"));
    }
    stream.entries
}

fn proposal(entries: &[Entry], from: usize, to: usize) -> Proposal {
    let untimed = entries[from..to].iter().map(|entry| Entry { time_ms: 0, ..entry.clone() });
    Proposal { at: tip_of(&entries[..from]), entries: untimed.collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_appended_stamped_published_and_repeated_without_harm() {
    let bench = Bench::new().await;
    let entries = played(3, 6);
    let client = redis::Client::open(bench.redis.url()).expect("a URL");
    let mut bus = client.get_async_pubsub().await.expect("a subscriber");
    bus.subscribe(format!("table:{}", table())).await.expect("a channel");

    let before = bench.store.now_ms().await.expect("a time");
    let Answer::Appended { time_ms } = bench.append(&proposal(&entries, 0, 1)).await else {
        panic!("not appended")
    };
    let after = bench.store.now_ms().await.expect("a time");
    assert!((before..=after).contains(&time_ms), "Redis stamps the record");
    let stream = bench.stream().await;
    assert_eq!((stream.len(), stream[0].time_ms), (1, time_ms));
    assert_eq!(stream[0].record, entries[0].record);

    // The same request once more, and once more with what came after it.
    let missing = stream.clone();
    assert_eq!(bench.append(&proposal(&entries, 0, 1)).await, Answer::Already { missing });
    assert!(matches!(bench.append(&proposal(&entries, 1, 2)).await, Answer::Appended { .. }));
    let missing = bench.stream().await;
    assert_eq!(bench.append(&proposal(&entries, 0, 1)).await, Answer::Already { missing: missing.clone() });
    assert_eq!(bench.stream().await, missing);

    // Each record was published once, as it lies in the stream.
    let mut published = bus.on_message();
    for (from, entry) in missing.iter().enumerate() {
        let payload: String = published.next().await.expect("a message").get_payload().expect("text");
        let told: Value = serde_json::from_str(&payload).expect("JSON");
        assert_eq!((&told["kind"], &told["from"]), (&"records".into(), &from.into()));
        let number = u32::try_from(from).expect("few");
        assert_eq!(records_by(NODE, &payload), Some(number), "the node knows its own: {payload}");
        assert_eq!(records_by(NodeId::random(), &payload), None, "and no other's");
        let told: Vec<Entry> = serde_json::from_value(told["entries"].clone()).expect("records");
        assert_eq!(told, std::slice::from_ref(entry));
    }
    bench.append(&proposal(&entries, 2, 3)).await;
    let payload: String = published.next().await.expect("a message").get_payload().expect("text");
    assert!(payload.contains("\"from\":2"), "nothing was published for the repeats: {payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tip_that_does_not_fit_is_answered_with_what_is_there() {
    let bench = Bench::new().await;
    let (mine, theirs) = (played(3, 6), played(4, 6));
    bench.shorten(&mine[..4]).await;
    // Other records follow my tip.
    let missing = bench.stream().await[1..].to_vec();
    assert_eq!(bench.append(&proposal(&theirs, 1, 2)).await, Answer::Conflict { missing });
    // The stream is shorter than my tip.
    let answer = bench.append(&proposal(&mine, 5, 6)).await;
    assert_eq!(answer, Answer::Behind { tip: tip_of(&mine[..4]) });
    // Another record where my tip is: before the end, and at the end.
    assert_eq!(bench.append(&proposal(&theirs, 2, 3)).await, Answer::Diverged);
    assert_eq!(bench.append(&proposal(&theirs, 4, 5)).await, Answer::Diverged);
    // An empty stream is behind everything but a start.
    bench.shorten(&[]).await;
    assert_eq!(bench.append(&proposal(&mine, 3, 4)).await, Answer::Behind { tip: Tip::default() });
    assert_eq!(bench.stream().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healed_stream_has_the_times_it_had() {
    let bench = Bench::new().await;
    let entries = played(3, 6);
    bench.shorten(&entries[..2]).await;
    let lost = Proposal { at: tip_of(&entries[..2]), entries: entries[2..].to_vec() };
    assert!(matches!(bench.append(&lost).await, Answer::Appended { .. }));
    assert_eq!(bench.stream().await, entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_never_go_back() {
    const AHEAD_MS: u64 = 60_000;
    let bench = Bench::new().await;
    let mut entries = played(3, 6);
    // As a primary stamped them whose clock was a minute ahead.
    let ahead_ms = bench.store.now_ms().await.expect("a time") + AHEAD_MS;
    for entry in &mut entries {
        entry.time_ms = ahead_ms;
    }
    bench.shorten(&entries[..3]).await;
    let answer = bench.append(&proposal(&entries, 3, 4)).await;
    assert_eq!(answer, Answer::Appended { time_ms: ahead_ms });
    // Nor where records come with times of their own that another clock gave them.
    entries[4].time_ms = ahead_ms - AHEAD_MS;
    let healed = Proposal { at: tip_of(&entries[..4]), entries: entries[4..5].to_vec() };
    assert!(matches!(bench.append(&healed).await, Answer::Appended { .. }));
    let times: Vec<u64> = bench.stream().await.iter().map(|entry| entry.time_ms).collect();
    assert_eq!(times, [ahead_ms; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_live_session_appends() {
    let bench = Bench::new().await;
    let entries = played(3, 3);
    bench.shorten(&entries[..1]).await;
    let account = bench.store.guest_create().await.expect("a guest");
    let (old, new, node) = (SessionId::random(), SessionId::random(), NodeId::random());
    let by = |session| Some(Mover { account: account.id, session });
    let next = proposal(&entries, 1, 2);
    assert_eq!(bench.append_by(&next, by(old)).await, Answer::NotLive, "it never entered");
    for session in [old, new] {
        bench.store.enter(&account, None, node, session).await.expect("entered");
    }
    assert_eq!(bench.append_by(&next, by(old)).await, Answer::NotLive, "another took over");
    let stranger = Some(Mover { account: AccountId::random(), session: new });
    assert_eq!(bench.append_by(&next, stranger).await, Answer::NotLive);
    assert_eq!(bench.stream().await.len(), 1);
    assert!(matches!(bench.append_by(&next, by(new)).await, Answer::Appended { .. }));
    // What is there already is told to anybody: it changes nothing.
    assert!(matches!(bench.append_by(&next, by(old)).await, Answer::Already { .. }));
}

/// The same records, salted, all of which have one request id: both seats gave it.
fn with_one_id(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut hash = Hash::default();
    for (number, entry) in (0_u32..).zip(&mut entries) {
        entry.request = request("3-1");
        entry.salt = Some(Salt([u8::try_from(number).expect("few"); Salt::BYTES]));
        hash = entry.hash_after(&hash, number).expect("it is salted");
        entry.hash = hash.clone();
    }
    entries
}

/// Makes calls with tips and records from games that share a start, by sessions that are live and others, upon streams cut
/// as failovers cut them; gives the answers there were, or where the script and the model first differ.
async fn compared(leaves: Leaves) -> Result<BTreeSet<String>, String> {
    let bench = Bench::new().await;
    let chains = [played(3, 12), played(4, 12), with_one_id(played(3, 12))];
    let (account, live) = (bench.store.guest_create().await.expect("a guest"), SessionId::random());
    bench.store.enter(&account, None, NodeId::random(), live).await.expect("entered");
    let sessions = [None, Some(live), Some(SessionId::random())];
    let (mut model, mut dice) = (Stream::default(), Dice(2_026));
    let mut words = BTreeSet::new();
    for call in 0..1_500 {
        if dice.chance(60) {
            let kept = dice.below(model.entries.len() + 1);
            model.entries.truncate(kept);
            bench.shorten(&model.entries).await;
        }
        let chain = dice.pick(&chains).clone();
        // Mostly near the end of the stream, where it matters.
        let near = (model.entries.len() + dice.below(5)).saturating_sub(2);
        let from = if dice.chance(800) { near.min(chain.len() - 1) } else { dice.below(chain.len()) };
        let to = (from + 1 + dice.below(3)).min(chain.len());
        let mut offered = proposal(&chain, from, to);
        if dice.chance(300) {
            offered.entries = chain[from..to].to_vec();
        }
        let session = *dice.pick(&sessions);
        let mover = session.map(|session| Mover { account: account.id, session });
        let answer = bench.append_by(&offered, mover).await;
        let now_ms = if let Answer::Appended { time_ms } = answer { time_ms } else { 0 };
        let is_live = session.is_none_or(|session| session == live);
        let expected = model.append(&offered, is_live, now_ms, leaves);
        if answer != expected {
            return Err(format!("call {call}: {offered:?} is answered {answer:?}, not {expected:?}"));
        }
        if dice.chance(200) && bench.stream().await != model.entries {
            return Err(format!("call {call}: {offered:?} leaves other records"));
        }
        words.insert(format!("{answer:?}").split([' ', '{']).next().unwrap_or_default().to_owned());
    }
    Ok(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_does_what_the_model_does() {
    let words = compared(Leaves::default()).await.unwrap_or_else(|differs| panic!("{differs}"));
    assert_eq!(Vec::from_iter(words), ["Already", "Appended", "Behind", "Conflict", "Diverged", "NotLive"]);
}

/// Each safeguard of the script is there: without any one of them it would do what a model without it does.
#[tokio::test(flavor = "multi_thread")]
async fn the_script_has_each_safeguard_of_the_model() {
    for leaves in [
        Leaves { number: true, ..Leaves::default() },
        Leaves { hash: true, ..Leaves::default() },
        Leaves { request: true, ..Leaves::default() },
        Leaves { session: true, ..Leaves::default() },
        Leaves { times: true, ..Leaves::default() },
    ] {
        assert!(compared(leaves).await.is_err(), "nothing differs without it: {leaves:?}");
    }
}

/// Many connections offer different records for the same number at the same instant: each number goes to one of them.
#[tokio::test(flavor = "multi_thread")]
async fn one_record_wins_each_number() {
    let bench = Bench::new().await;
    let mut copy = Copy::open(table());
    let first = copy.propose_start(&request("start"), start(&mut Dice(5)));
    let answer = bench.append(&first).await;
    copy.outcome(first, answer);
    let mut appenders = Vec::new();
    for _ in 0..4 {
        let (appender, work) = Appender::open(bench.store.data(), bench.store.data(), NODE);
        tokio::spawn(work);
        appenders.push(appender);
    }
    for round in 0..40 {
        let Some(game) = copy.game().filter(|game| game.turn().is_some()) else { break };
        let seat = game.turn().expect("running");
        let offers: Vec<Proposal> = (0..appenders.len())
            .map(|node| {
                let moves = legal(game, &mut Dice(round * 10 + node as u64 + 1));
                let id = request(&format!("{round}-{node}"));
                copy.propose(seat, &id, &Intent::Moves(moves)).expect("legal moves")
            })
            .collect();
        let asked = appenders
            .iter()
            .zip(&offers)
            .map(|(appender, offer)| appender.append(table(), offer, None, Box::new(|_| {})));
        let answers = futures_util::future::join_all(asked).await;
        let won: Vec<usize> =
            (0..answers.len()).filter(|node| matches!(answers[*node], Ok(Answer::Appended { .. }))).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for (offer, answer) in offers.into_iter().zip(answers).take(1) {
            assert_eq!(copy.outcome(offer, answer.expect("an answer")), Effect::Applied);
        }
        assert_eq!(copy.entries(), bench.stream().await);
    }
    assert!(copy.tip().number > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_goes_on_is_not_let_go_by_whoever_is_late() {
    let bench = Bench::new().await;
    let entries = played(11, 6);
    bench.shorten(&entries).await;
    let key = format!("game:{}", table());
    let ends: i64 = {
        let earlier = tip_of(&entries[..entries.len() - 1]);
        bench.store.game_drop_later(0, table(), &earlier).await.expect("an answer");
        let other = Tip { hash: earlier.hash, ..tip_of(&entries) };
        bench.store.game_drop_later(0, table(), &other).await.expect("an answer");
        bench.redis.query(&["TTL", &key]).await
    };
    assert_eq!((ends, bench.stream().await.len()), (-1, entries.len()), "there, and for good");
    bench.store.game_drop_later(0, table(), &tip_of(&entries)).await.expect("an answer");
    let ends: i64 = bench.redis.query(&["TTL", &key]).await;
    assert!(ends > 0, "{ends}");
}

/// A table of its own for each of several appends at once.
fn other_table(number: u128) -> nineflags::ids::TableId {
    nineflags::ids::TableId(uuid::Uuid::from_u128(0xABC0 + number))
}

#[tokio::test]
async fn an_answer_that_is_an_error_concerns_its_own_append_only() {
    let bench = Bench::new().await;
    let first = Proposal { at: Tip::default(), entries: played(3, 1)[..1].to_vec() };
    let (saved, mut is_saved) = tokio::sync::mpsc::unbounded_channel();
    let append = |number: u128| {
        let (appender, first, saved) = (bench.appender.clone(), first.clone(), saved.clone());
        async move {
            let tell = Box::new(move |_| {
                // This test listens to its end.
                let _ = saved.send(number);
            });
            appender.append(other_table(number), &first, None, tell).await
        }
    };
    for round in 0..4 {
        let numbers = [round * 3, round * 3 + 1, round * 3 + 2];
        let broken = format!("game:{}", other_table(numbers[1]));
        let _: String = bench.redis.query(&["SET", &broken, "no stream"]).await;
        let (one, two, three) = tokio::join!(append(numbers[0]), append(numbers[1]), append(numbers[2]));
        assert!(matches!(one, Ok(Answer::Appended { .. })), "{one:?}");
        assert!(matches!(three, Ok(Answer::Appended { .. })), "{three:?}");
        let error = two.expect_err("there is no stream");
        assert!(!error.may_pass(), "it is no absence: {error}");
        let mut told = [is_saved.recv().await, is_saved.recv().await];
        told.sort_unstable();
        assert_eq!(told, [Some(numbers[0]), Some(numbers[2])], "the others are called saved");
    }
    // One line and its saver, opened by the first append and by no other: it is the only one that has appended.
    let list: String = bench.redis.query(&["CLIENT", "LIST"]).await;
    let appended = list.lines().filter(|line| line.contains(" cmd=evalsha "));
    assert_eq!(appended.count(), 1, "{list}");
}

#[tokio::test]
async fn what_was_given_up_before_it_was_sent_is_never_sent() {
    let bench = Bench::new().await;
    let first = Proposal { at: Tip::default(), entries: played(3, 1)[..1].to_vec() };
    assert!(matches!(bench.append(&first).await, Answer::Appended { .. }), "the line is open");
    bench.redis.signal("STOP");
    let append = |number| bench.appender.append(other_table(number), &first, None, Box::new(|_| {}));
    // The first is on its way when the others come, who wait until they give up.
    let sent = append(0);
    let waiting = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let patience = std::time::Duration::from_millis(500);
        tokio::join!(tokio::time::timeout(patience, append(1)), tokio::time::timeout(patience, append(2)))
    };
    let (sent, (one, two)) = tokio::join!(sent, waiting);
    assert!(sent.is_err() && one.is_err() && two.is_err());
    bench.redis.signal("CONT");
    // What is appended from now on comes after all that was sent before.
    while append(3).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for (number, is_there) in [(1, false), (2, false), (3, true)] {
        let key = format!("game:{}", other_table(number));
        assert_eq!(bench.redis.query::<bool>(&["EXISTS", &key]).await, is_there, "{number}");
    }
}

#[tokio::test]
async fn appends_go_on_after_the_scripts_were_flushed() {
    let bench = Bench::new().await;
    let entries = played(3, 2);
    let first = Proposal { at: Tip::default(), entries: entries[..1].to_vec() };
    assert!(matches!(bench.append(&first).await, Answer::Appended { .. }));
    let _: String = bench.redis.query(&["SCRIPT", "FLUSH"]).await;
    let next = Proposal { at: tip_of(&entries[..1]), entries: entries[1..].to_vec() };
    assert!(matches!(bench.append(&next).await, Answer::Appended { .. }));
}
