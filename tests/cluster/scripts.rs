//! The scripts of accounts, presence, invites and tables in a real Redis, also when two sides act at the same instant.

use std::collections::HashMap;

use nineflags::ids::{AccountId, InviteId, NodeId, RequestId, SessionId, TableId};
use nineflags::lobby::event::TableNews;
use nineflags::rules::seat::BySeat;
use nineflags::store::Store;
use nineflags::store::accounts::{Account, Created, Deleted, Upgraded};
use nineflags::store::invites::{INVITES_SENT_MAX, NewTable, Removed, Sender, Sent, Standing, Started};
use nineflags::store::logins::Login;
use nineflags::store::presence::Left;
use nineflags::table::options::TableOptions;

use crate::harness::lone::Redis;

/// How often a race is run.
const RACES: usize = 60;
const GONE: Left = Left::Gone { abandoned_ms: 60_000 };

async fn online(store: &Store) -> Account {
    let account = store.guest_create().await.expect("a guest");
    store.enter(&account, None, NodeId::random(), SessionId::random()).await.expect("entered");
    account
}

async fn made(store: &Store, name: &str) -> Account {
    let created = store.account_create(&name.parse().expect("a name"), "hash").await.expect("an answer");
    let Created::Done(account) = created else { panic!("{name}: {created:?}") };
    account
}

async fn logged_in(store: &Store, account: &Account) -> Login {
    let cookie = store.login_create(account).await.expect("an answer").expect("a login");
    store.login_find(cookie.as_str()).await.expect("an answer").expect("it stands")
}

/// The live session of an account.
async fn live(store: &Store, account: &Account) -> Option<SessionId> {
    store.entered(&[account.id]).await.expect("sessions")[0].as_ref().map(|entered| entered.session)
}

fn standing(from: &Account, to: &Account) -> Standing {
    Standing {
        id: Some(InviteId::random()),
        from_name: from.name.clone(),
        to_name: to.name.clone(),
        options: TableOptions::default(),
        resume: None,
        expires_ms: 0,
    }
}

/// A new one each time.
fn request() -> RequestId {
    uuid::Uuid::new_v4().simple().to_string().parse().expect("an id")
}

async fn withdraw(store: &Store, by: &Account, to: &Account) -> Removed {
    store.invite_withdraw(&request(), by, to.id, None).await.expect("an answer")
}

async fn send(store: &Store, from: &Account, to: &Account) -> Sent {
    store
        .invite_send(&request(), from.id, to.id, &standing(from, to), &Sender::Known, 60_000)
        .await
        .expect("an answer")
}

fn new_table(first: &Account, second: &Account) -> NewTable {
    NewTable {
        table: TableId::random(),
        accounts: BySeat { first: first.id, second: second.id },
        names: BySeat { first: first.name.clone(), second: second.name.clone() },
        start: "start".to_owned(),
    }
}

async fn accept(store: &Store, by: &Account, from: &Account) -> Started {
    let offer = store.invite_between(from.id, by.id).await.expect("an answer");
    let text = offer.map(|offer| offer.text).unwrap_or_default();
    store.invite_accept(by.id, from.id, &text, &new_table(from, by)).await.expect("an answer")
}

/// A player's seat and the tables' own lists tell the same, and nobody sits at two.
async fn seats_agree(store: &Store, accounts: &[&Account]) -> HashMap<AccountId, TableId> {
    let tables = store.lobby_read().await.expect("the lobby").tables;
    let mut seats = HashMap::new();
    for table in &tables {
        for account in table.accounts.iter() {
            let other = seats.insert(*account, table.row.table);
            assert_eq!(other, None, "{account} sits at two tables");
        }
    }
    for account in accounts {
        assert_eq!(store.seat_of(account.id).await.expect("a seat or none"), seats.get(&account.id).copied());
    }
    seats
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_whatever_their_case() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let name = |text: &str| text.parse().expect("a name");
    let mira = made(&store, "Mira").await;
    assert_eq!(store.account_create(&name("mIRA"), "hash").await.expect("an answer"), Created::Taken);
    assert_eq!(store.account_named(&name("MIRA")).await.expect("an answer"), Some(mira.clone()));

    let guest = store.guest_create().await.expect("a guest");
    let upgrade = async |account: &Account, wanted: &str| {
        let login = logged_in(&store, account).await;
        store.account_upgrade(&login, &name(wanted), "h").await.expect("an answer")
    };
    assert_eq!(upgrade(&guest, "MIRA").await, Upgraded::Taken);
    assert_eq!(upgrade(&guest, "M1ra").await, Upgraded::Alike);
    assert!(matches!(upgrade(&guest, "Otto").await, Upgraded::Done(_)));
    assert_eq!(upgrade(&mira, "Ann").await, Upgraded::NotGuest);
    let otto = store.account(guest.id).await.expect("an answer").expect("there");
    assert_eq!((otto.name.as_str(), otto.guest, otto.id), ("Otto", false, guest.id));
    let by_old_name = store.account_named(&guest.name).await.expect("an answer");
    assert_eq!(by_old_name, Some(otto), "the old name means it for a while");
    let lives: i64 = redis.query(&["TTL", &format!("account:{}", guest.id)]).await;
    assert_eq!(lives, -1, "an account does not lapse as a guest does");
    let lives: i64 = redis.query(&["TTL", "account-name:otto"]).await;
    assert_eq!(lives, -1);

    // Two who want the same name at the same instant.
    for round in 0..RACES {
        let wanted = name(&format!("same-{round}"));
        let (one, two) = tokio::join!(store.account_create(&wanted, "1"), store.account_create(&wanted, "2"));
        let made = [one, two].into_iter().filter(|made| matches!(made, Ok(Created::Done(_)))).count();
        assert_eq!(made, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_nothing_of_its_own() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira, otto) = (online(&store).await, online(&store).await, online(&store).await);
    let login = logged_in(&store, &ann).await;
    store.block(ann.id, otto.id).await.expect("blocked");
    assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
    assert_eq!(send(&store, &otto, &ann).await, Sent::Blocked);
    store.unblock(ann.id, otto.id).await.expect("unblocked");
    assert_eq!(send(&store, &otto, &ann).await, Sent::Sent);
    assert_eq!(store.account_delete(&login).await.expect("an answer"), Deleted::Done);
    let mut keys: Vec<String> = redis.query(&["KEYS", &format!("*{}*", ann.id)]).await;
    // What it asked lately is remembered for five minutes.
    keys.retain(|key| !key.starts_with("words:"));
    assert_eq!(keys, Vec::<String>::new());
    let logins: Vec<String> = redis.query(&["KEYS", "login:*"]).await;
    assert_eq!(logins, Vec::<String>::new());
    assert!(store.invites_of(mira.id).await.expect("invites").received.is_empty());
    assert!(store.invites_of(otto.id).await.expect("invites").sent.is_empty());
    let by_time: u64 = redis.query(&["ZCARD", "invites-by-time"]).await;
    assert_eq!(by_time, 0);

    assert_eq!(send(&store, &mira, &otto).await, Sent::Sent);
    assert_eq!(accept(&store, &otto, &mira).await, Started::Started);
    let login = logged_in(&store, &mira).await;
    assert_eq!(store.account_delete(&login).await.expect("an answer"), Deleted::Playing);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_session_is_the_live_one() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let account = store.guest_create().await.expect("a guest");
    let (old, new, node) = (SessionId::random(), SessionId::random(), NodeId::random());
    store.enter(&account, None, node, old).await.expect("entered");
    store.enter(&account, None, node, new).await.expect("entered");
    assert!(!store.leave(account.id, old, GONE).await.expect("an answer"));
    assert!(store.is_online(account.id).await.expect("an answer"));
    assert_eq!(live(&store, &account).await, Some(new));
    assert!(store.leave(account.id, new, GONE).await.expect("an answer"));
    assert!(!store.leave(account.id, new, GONE).await.expect("an answer"), "once is enough");
    assert_eq!(live(&store, &account).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_kept_and_marked_while_its_player_is_away() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira) = (online(&store).await, online(&store).await);
    assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
    assert_eq!(accept(&store, &mira, &ann).await, Started::Started);
    let table = store.seat_of(ann.id).await.expect("a seat").expect("seated");
    let away = async || store.table_info(table).await.expect("a table").expect("live").away_since_ms;
    assert_eq!(away().await, BySeat { first: None, second: None });
    let session = live(&store, &mira).await.expect("online");
    let before = store.now_ms().await.expect("a time");
    assert!(store.leave(mira.id, session, GONE).await.expect("an answer"));
    let since = away().await;
    assert!(since.second.is_some_and(|since| since >= before) && since.first.is_none(), "{since:?}");
    assert_eq!(store.seat_of(mira.id).await.expect("a seat"), Some(table));
    store.enter(&mira, None, NodeId::random(), SessionId::random()).await.expect("entered");
    assert_eq!(away().await, BySeat { first: None, second: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_sent_once_to_somebody_who_can_take_it() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira, otto) = (online(&store).await, online(&store).await, online(&store).await);
    let absent = store.guest_create().await.expect("a guest");
    assert_eq!(send(&store, &ann, &absent).await, Sent::NotOnline);
    store.block(mira.id, otto.id).await.expect("blocked");
    assert_eq!(send(&store, &otto, &mira).await, Sent::Blocked);
    assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
    assert_eq!(send(&store, &ann, &mira).await, Sent::AlreadyInvited);
    assert_eq!(send(&store, &mira, &ann).await, Sent::Crossing);
    let others = {
        let mut others = Vec::new();
        for _ in 0..INVITES_SENT_MAX {
            others.push(online(&store).await);
        }
        others
    };
    for other in &others[1..] {
        assert_eq!(send(&store, &ann, other).await, Sent::Sent);
    }
    assert_eq!(send(&store, &ann, &others[0]).await, Sent::TooMany);
    assert_eq!(withdraw(&store, &ann, &others[1]).await, Removed::Done);
    assert_eq!(withdraw(&store, &ann, &others[1]).await, Removed::NoInvite);
    assert_eq!(send(&store, &ann, &others[0]).await, Sent::Sent);
    assert_eq!(accept(&store, &mira, &ann).await, Started::Started);
    assert_eq!(send(&store, &otto, &ann).await, Sent::Playing);
    assert_eq!(send(&store, &ann, &otto).await, Sent::YouArePlaying);
    assert!(store.invites_of(others[0].id).await.expect("invites").received.is_empty(), "void");
    let by_time: u64 = redis.query(&["ZCARD", "invites-by-time"]).await;
    assert_eq!(by_time, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_invite_cannot_be_accepted_and_is_cleared() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira, otto) = (online(&store).await, online(&store).await, online(&store).await);
    assert_eq!(
        store
            .invite_send(&request(), ann.id, mira.id, &standing(&ann, &mira), &Sender::Known, 0)
            .await
            .expect("sent"),
        Sent::Sent
    );
    assert_eq!(send(&store, &ann, &otto).await, Sent::Sent);
    assert_eq!(accept(&store, &mira, &ann).await, Started::NoInvite);
    // A lapsed one stands in nobody's way.
    assert_eq!(send(&store, &mira, &ann).await, Sent::Sent);
    assert_eq!(store.invites_expire().await.expect("a count"), 1);
    assert_eq!(store.invites_expire().await.expect("a count"), 0);
    assert_eq!(store.invites_of(mira.id).await.expect("invites").received.len(), 0);
    assert_eq!(store.invites_of(ann.id).await.expect("invites").sent.len(), 1);
    assert_eq!(accept(&store, &otto, &ann).await, Started::Started);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accept_one_players_invites_at_the_same_instant() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    for _ in 0..RACES {
        let (ann, mira, otto) = (online(&store).await, online(&store).await, online(&store).await);
        assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
        assert_eq!(send(&store, &ann, &otto).await, Sent::Sent);
        let (one, two) = tokio::join!(accept(&store, &mira, &ann), accept(&other, &otto, &ann));
        let started = [one, two].iter().filter(|started| **started == Started::Started).count();
        assert_eq!(started, 1, "{one:?} {two:?}");
        let seats = seats_agree(&store, &[&ann, &mira, &otto]).await;
        assert!(seats.contains_key(&ann.id) && seats.contains_key(&mira.id) != seats.contains_key(&otto.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_accepts_and_is_accepted_at_the_same_instant() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    for _ in 0..RACES {
        let (ann, mira, otto) = (online(&store).await, online(&store).await, online(&store).await);
        assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
        assert_eq!(send(&store, &otto, &ann).await, Sent::Sent);
        let (one, two) = tokio::join!(accept(&store, &mira, &ann), accept(&other, &ann, &otto));
        assert!((one == Started::Started) != (two == Started::Started), "{one:?} {two:?}");
        seats_agree(&store, &[&ann, &mira, &otto]).await;
        // The loser's invites were cleared with the start.
        assert!(store.invites_of(ann.id).await.expect("invites").received.is_empty());
        assert!(store.invites_of(ann.id).await.expect("invites").sent.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_accepted_or_withdrawn_and_never_both() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    let mut accepted = 0;
    for round in 0..RACES {
        let (ann, mira) = (online(&store).await, online(&store).await);
        assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
        let withdraw = async { withdraw(&other, &ann, &mira).await == Removed::Done };
        let (started, withdrawn) = if round % 2 == 0 {
            tokio::join!(accept(&store, &mira, &ann), withdraw)
        } else {
            let (withdrawn, started) = tokio::join!(withdraw, accept(&store, &mira, &ann));
            (started, withdrawn)
        };
        match started {
            Started::Started => accepted += 1,
            other => assert_eq!(other, Started::NoInvite),
        }
        assert_eq!(started == Started::Started, !withdrawn);
        seats_agree(&store, &[&ann, &mira]).await;
    }
    assert!(accepted > 0, "no accept was ever faster");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_crossing_invites_one_stands() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    for _ in 0..RACES {
        let (ann, mira) = (online(&store).await, online(&store).await);
        let (one, two) = tokio::join!(send(&store, &ann, &mira), send(&other, &mira, &ann));
        let mut words = [format!("{one:?}"), format!("{two:?}")];
        words.sort();
        assert_eq!(words, ["Crossing", "Sent"]);
        let (by, from) = if one == Sent::Crossing { (&ann, &mira) } else { (&mira, &ann) };
        assert_eq!(accept(&store, by, from).await, Started::Started);
        assert_eq!(accept(&store, by, from).await, Started::NoInvite);
        seats_agree(&store, &[&ann, &mira]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_table_frees_its_seats_once() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira) = (online(&store).await, online(&store).await);
    let (mut tables, mut infos) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
        assert_eq!(accept(&store, &mira, &ann).await, Started::Started);
        let table = store.seat_of(ann.id).await.expect("a seat").expect("seated");
        let info = store.table_info(table).await.expect("an answer").expect("a table");
        assert!(!info.made_ms.is_empty());
        tables.push(table);
        infos.push(info);
        if tables.len() == 1 {
            store.table_close(table, &infos[0]).await.expect("closed");
            assert!(seats_agree(&store, &[&ann, &mira]).await.is_empty());
        }
    }
    // Closed again, by a node that is late: the new seats stay.
    store.table_close(tables[0], &infos[0]).await.expect("closed");
    assert_eq!(seats_agree(&store, &[&ann, &mira]).await.get(&ann.id), Some(&tables[1]));
    // So does a table that was made again under its id, as for a game that is resumed.
    let mut earlier = infos[1].clone();
    earlier.made_ms = "1".to_owned();
    store.table_close(tables[1], &earlier).await.expect("an answer");
    assert_eq!(seats_agree(&store, &[&ann, &mira]).await.get(&ann.id), Some(&tables[1]));
    store.table_close(tables[1], &infos[1]).await.expect("closed");
    assert!(seats_agree(&store, &[&ann, &mira]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn news_and_watchers_of_live_tables_only() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, mira) = (online(&store).await, online(&store).await);
    assert_eq!(send(&store, &ann, &mira).await, Sent::Sent);
    assert_eq!(accept(&store, &mira, &ann).await, Started::Started);
    let table = store.seat_of(ann.id).await.expect("a seat").expect("seated");
    let (here, there) = (NodeId::random(), NodeId::random());
    let count = async |node, count| store.table_watchers(table, node, count).await.expect("a count");
    assert_eq!((count(here, 2).await, count(there, 3).await, count(here, 1).await), (2, 5, 4));
    assert_eq!(count(there, 0).await, 1);
    let news = |table| TableNews { table, number: 9, flags: "1--------".to_owned() };
    store.tables_news(&[news(table), news(TableId::random())]).await.expect("told");
    // Another node is late with what it appended before.
    let older = TableNews { table, number: 8, flags: "---------".to_owned() };
    store.tables_news(&[older]).await.expect("told");
    let rows = store.lobby_read().await.expect("the lobby").tables;
    let row = &rows[0].row;
    assert_eq!((rows.len(), row.number, row.flags.as_str(), row.watchers), (1, 9, "1--------", 1));
    let gone = TableId::random();
    assert_eq!(store.table_watchers(gone, here, 4).await.expect("a count"), 0);
    assert_eq!(store.table_info(gone).await.expect("an answer"), None);
}
