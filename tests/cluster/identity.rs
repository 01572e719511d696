//! Things belong to accounts and to the very invite that was seen: whatever names are changed, given up or taken meanwhile.

use nineflags::ids::{AccountName, InviteId, RequestId, TableId};
use nineflags::protocol::{Ask, Invite, RefusalCode, Update};
use nineflags::rules::seat::Seat;
use nineflags::store::accounts::{BLOCKED_MAX, Created};
use nineflags::store::census::Round;
use nineflags::table::options::{TableOptions, Talk};
use nineflags::table::record::KINDS;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::browser::{Browser, Reply, http, seated};
use crate::harness::lone::Redis;
use crate::harness::process::until;
use crate::harness::site::Site;

const PASSWORD: &str = "correct horse battery";

fn id(text: &str) -> RequestId {
    text.parse().expect("an id")
}

fn done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

#[track_caller]
fn refused(update: &Update, code: RefusalCode) {
    assert!(matches!(update, Update::Refused { code: found, .. } if *found == code), "{update:?}");
}

fn invite(to: &Browser, options: TableOptions) -> Ask {
    Ask::Invite { to: to.name.clone(), options, resume: None }
}

/// Other terms than the usual ones.
fn quiet() -> TableOptions {
    TableOptions { talk: Talk::Nobody, ..TableOptions::default() }
}

/// The one invite a player has received, once it is not `other`.
async fn received(browser: &mut Browser, other: Option<InviteId>) -> Invite {
    let fits = |update: &Update| match update {
        Update::Invites(invites) => invites.received.iter().any(|invite| invite.id != other),
        _ => false,
    };
    if !fits(&Update::Invites(browser.invites.clone())) {
        browser.until("the invite", fits).await;
    }
    browser.invites.received.iter().find(|invite| invite.id != other).expect("it is there").clone()
}

async fn post(site: &Site, path: &str, cookie: &str, body: &Value) -> Reply {
    http(site.address(0), "POST", path, cookie, Some(body)).await
}

/// Makes a guest an account, and connects it again.
async fn upgrade(site: &Site, mut guest: Browser, name: &str) -> Browser {
    let body = json!({"name": name, "password": PASSWORD});
    let reply = post(site, "/api/upgrade", &guest.cookie, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(guest.until_closed().await, Some(1001), "it shows its cookie again");
    Browser::connect(site.address(0), &reply.cookie.expect("a new login")).await
}

fn heard(browser: &Browser, text: &str) -> usize {
    browser.frames.iter().filter(|frame| frame.contains(&format!("\"text\":\"{text}\""))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_were_not_sent_are_sent_when_they_are_asked_for_again() {
    let site = Site::start(2, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mira = Browser::guest(site.address(1)).await;
    let (name, cookie) = (mira.name.clone(), mira.cookie.clone());
    drop(mira);
    let tell = Ask::Tell { to: name.clone(), text: "psst".to_owned() };
    until("Mira is gone", || site.ask::<u64>(&["HLEN", "online"]) == 1);
    refused(&ann.ask_as(id("w1"), tell.clone()).await, RefusalCode::NotOnline);
    let mut mira = Browser::connect(site.address(1), &cookie).await;
    assert!(done(&mira.ask(Ask::Block { name: ann.name.clone() }).await));
    refused(&ann.ask_as(id("w1"), tell.clone()).await, RefusalCode::Blocked);
    assert!(done(&mira.ask(Ask::Unblock { name: ann.name.clone() }).await));
    for _ in 0..3 {
        assert!(done(&ann.ask_as(id("w1"), tell.clone()).await));
    }
    // Ids are each account's own.
    let mut otto = Browser::guest(site.address(0)).await;
    assert!(done(&otto.ask_as(id("w1"), Ask::Tell { to: name, text: "hey".to_owned() }).await));
    mira.until("the last words", |update| matches!(update, Update::Message(m) if m.text == "hey")).await;
    assert_eq!((heard(&mira, "psst"), heard(&ann, "psst")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_invite_that_was_seen_is_answered() {
    let site = Site::start(2, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(1)).await;
    assert!(done(&ann.ask(invite(&mira, TableOptions::default())).await));
    let first = received(&mut mira, None).await;
    assert!(first.id.is_some());
    assert!(done(&ann.ask(Ask::Withdraw { to: mira.name.clone(), invite: first.id }).await));
    assert!(done(&ann.ask(invite(&mira, quiet())).await));
    let second = received(&mut mira, first.id).await;
    let from = ann.name.clone();
    let accept = |invite| Ask::Accept { from: from.clone(), invite };
    refused(&mira.ask(accept(first.id)).await, RefusalCode::InviteChanged);
    refused(
        &mira.ask(Ask::Decline { from: from.clone(), invite: first.id }).await,
        RefusalCode::InviteChanged,
    );
    refused(
        &ann.ask(Ask::Withdraw { to: mira.name.clone(), invite: first.id }).await,
        RefusalCode::InviteChanged,
    );
    refused(&mira.ask(accept(Some(InviteId::random()))).await, RefusalCode::InviteChanged);
    assert_eq!(received(&mut mira, None).await, second, "it stands all the same");
    assert!(done(&mira.ask(accept(second.id)).await));
    let view = mira.until_table("the table", |_| true).await;
    assert_eq!(view.options, quiet());
    // Whoever does not know what became of it asks again.
    assert!(done(&mira.ask(accept(second.id)).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_invites_on_other_terms_start_nothing() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(0)).await;
    assert!(done(&ann.ask(invite(&mira, TableOptions::default())).await));
    assert!(matches!(mira.ask(invite(&ann, quiet())).await, Update::Done { table: None, .. }));
    let (to_mira, to_ann) = (received(&mut mira, None).await, received(&mut ann, None).await);
    assert_eq!((to_mira.options, to_ann.options), (TableOptions::default(), quiet()));
    // Both stand: each may be accepted, and the first that is voids the other.
    assert!(done(&ann.ask(Ask::Accept { from: mira.name.clone(), invite: to_ann.id }).await));
    assert_eq!(mira.until_table("the table", |_| true).await.options, quiet());
    assert!(
        ann.invites.sent.is_empty() || {
            ann.until("no invite", |update| matches!(update, Update::Invites(i) if i.sent.is_empty())).await;
            true
        }
    );

    // On the same terms a crossing one is an acceptance, however the terms are written.
    let mut otto = Browser::guest(site.address(0)).await;
    let mut noor = Browser::guest(site.address(0)).await;
    assert!(done(&otto.ask(invite(&noor, quiet())).await));
    let text = format!(
        "{{\"id\":\"cross\",\"ask\":\"invite\",\"to\":\"{}\",\"options\":{{\"talk\":\"nobody\"}}}}",
        otto.name
    );
    noor.send_text(&text).await;
    let answer = noor
        .until("the answer", |update| matches!(update, Update::Done { .. } | Update::Refused { .. }))
        .await;
    assert!(matches!(answer, Update::Done { table: Some(_), .. }), "{answer:?}");
}

/// A request that is sent again, since its answer was lost, does nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn requests_about_invites_may_be_repeated() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(0)).await;
    let sent = invite(&mira, TableOptions::default());
    for _ in 0..2 {
        assert!(done(&ann.ask_as(id("i1"), sent.clone()).await));
    }
    let first = received(&mut mira, None).await;
    for _ in 0..2 {
        let withdraw = Ask::Withdraw { to: mira.name.clone(), invite: first.id };
        assert!(done(&ann.ask_as(id("i2"), withdraw).await));
    }
    assert!(done(&ann.ask_as(id("i1"), sent.clone()).await), "it was sent, whatever became of it");
    assert!(done(&ann.ask_as(id("i3"), sent).await));
    let second = received(&mut mira, first.id).await;
    for _ in 0..2 {
        let decline = Ask::Decline { from: ann.name.clone(), invite: second.id };
        assert!(done(&mira.ask_as(id("i1"), decline).await));
    }
    assert!(done(&mira.ask(Ask::Ping).await));
    let notices =
        |browser: &Browser, code: &str| browser.frames.iter().filter(|frame| frame.contains(code)).count();
    // What is told comes by the bus, and may come after the answer.
    if notices(&ann, "invite_declined") == 0 {
        ann.until("the notice", |update| matches!(update, Update::Notice { .. })).await;
    }
    assert!(done(&ann.ask(Ask::Ping).await));
    assert_eq!((notices(&ann, "invite_declined"), notices(&mira, "invite_withdrawn")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_outlives_a_new_name() {
    let site = Site::start(2, &[]);
    let (mut ann, troll, table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
    let mut third = Browser::guest(site.address(1)).await;
    let old_name = troll.name.clone();
    assert!(done(&ann.ask(Ask::Block { name: old_name.clone() }).await));
    let mut troll = upgrade(&site, troll, "Troll").await;
    let say = |text: &str| Ask::Say { table, text: text.to_owned() };
    assert!(done(&troll.ask(say("still me")).await));
    let tell = Ask::Tell { to: ann.name.clone(), text: "me again".to_owned() };
    refused(&troll.ask(tell.clone()).await, RefusalCode::Blocked);
    assert!(done(&third.ask(Ask::Tell { to: ann.name.clone(), text: "hello".to_owned() }).await));
    ann.until("other words", |update| matches!(update, Update::Message(m) if m.text == "hello")).await;
    assert_eq!(heard(&ann, "still me"), 0);
    // Nor is it told what was said while Ann was away; the list shows the present name.
    let mut ann = Browser::connect(site.address(1), &ann.cookie).await;
    assert_eq!(ann.welcome.blocked, [troll.name.clone()]);
    assert!(done(&ann.ask(Ask::Ping).await));
    assert_eq!(heard(&ann, "still me"), 0);
    // The old name still means the same player.
    assert!(done(&ann.ask(Ask::Unblock { name: old_name }).await));
    assert!(done(&troll.ask(tell).await));
    assert!(done(&troll.ask(say("at last")).await));
    ann.until("words at the table", |update| matches!(update, Update::Message(m) if m.text == "at last"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_takes_the_invite_away_and_withstands_names_that_come_back() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::sign_up(site.address(0), "Mira").await;
    assert!(done(&mira.ask(invite(&ann, quiet())).await));
    received(&mut ann, None).await;
    assert!(done(&ann.ask(Ask::Block { name: mira.name.clone() }).await));
    let gone =
        |update: &Update| matches!(update, Update::Invites(i) if i.received.is_empty() && i.sent.is_empty());
    mira.until("no invite", gone).await;
    refused(&ann.ask(Ask::Accept { from: mira.name.clone(), invite: None }).await, RefusalCode::NoInvite);
    refused(&mira.ask(invite(&ann, quiet())).await, RefusalCode::Blocked);

    // The account goes; nobody else gets its name or one that looks like it.
    let reply = post(&site, "/api/delete", &mira.cookie, &json!({"password": PASSWORD})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    for name in ["Mira", "mIRA", "M1ra", "Mi-ra"] {
        let reply = post(&site, "/api/signup", "", &json!({"name": name, "password": PASSWORD})).await;
        assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("name_taken")), "{name}");
    }
    let rests: i64 = site.ask(&["PTTL", "account-name:mira"]);
    let looks: i64 = site.ask(&["PTTL", "account-skeleton:mlra"]);
    let month = 30 * 24 * 3_600_000;
    assert!((month - 60_000..=month).contains(&rests) && (month - 60_000..=month).contains(&looks));
    // A month later.
    let _: u64 = site.ask(&["DEL", "account-name:mira", "account-skeleton:mlra"]);
    let mut other = Browser::sign_up(site.address(0), "Mira").await;
    assert!(done(&other.ask(invite(&ann, quiet())).await), "the block was for somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_players_are_blocked_and_no_more() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mira = Browser::guest(site.address(0)).await;
    let own: String = site.ask(&["GET", &format!("account-name:{}", ann.name.folded())]);
    let blocked = format!("blocked:{own}");
    let others: Vec<String> = (0..BLOCKED_MAX).map(|_| Uuid::new_v4().to_string()).collect();
    for (number, other) in others.iter().enumerate() {
        let _: u64 = site.ask(&["SADD", &blocked, other]);
        let _: u64 = site.ask(&["HSET", &format!("account:{other}"), "name", &format!("P-{number}x")]);
    }
    refused(&ann.ask(Ask::Block { name: mira.name.clone() }).await, RefusalCode::TooManyBlocked);
    // One of them is gone.
    let _: u64 = site.ask(&["DEL", &format!("account:{}", others[7])]);
    assert!(done(&ann.ask(Ask::Block { name: mira.name.clone() }).await));
    assert_eq!(site.ask::<usize>(&["SCARD", &blocked]), BLOCKED_MAX);
    assert!(done(&ann.ask(Ask::Block { name: mira.name.clone() }).await), "it may be repeated");
}

/// A guest takes a name between any two steps of the others: nothing changes for them.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_changes_nothing_for_others() {
    let site = Site::start(2, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(1)).await;
    let mut otto = Browser::guest(site.address(1)).await;
    assert!(done(&ann.ask(invite(&mira, quiet())).await));
    assert!(done(&otto.ask(invite(&ann, quiet())).await));
    let seen = received(&mut mira, None).await;
    let old_name = ann.name.clone();
    let mut ann = upgrade(&site, ann, "Annika").await;
    // Both sides see the present name, and what was seen before is still an answer.
    let named = |update: &Update| matches!(update, Update::Invites(i) if i.received.iter().any(|i| i.name.as_str() == "Annika"));
    if !named(&Update::Invites(mira.invites.clone())) {
        mira.until("the present name", named).await;
    }
    let sent = |update: &Update| matches!(update, Update::Invites(i) if i.sent.iter().any(|i| i.name.as_str() == "Annika"));
    if !sent(&Update::Invites(otto.invites.clone())) {
        otto.until("the present name", sent).await;
    }
    assert!(done(&mira.ask(Ask::Tell { to: old_name.clone(), text: "there".to_owned() }).await));
    assert!(done(&mira.ask(Ask::Accept { from: old_name, invite: seen.id }).await));
    let view = ann.until_table("the table", |_| true).await;
    assert_eq!(
        [&view.names.first, &view.names.second].iter().filter(|name| name.as_str() == "Annika").count(),
        1
    );
    let table: TableId = view.table;
    assert!(done(&mira.ask(Ask::Resign { table }).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_older_versions_keep_names_that_look_like_theirs_from_being_given() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let old = async |name: &str, guest: &str| {
        let account = Uuid::new_v4().to_string();
        let _: String =
            redis.query(&["SET", &format!("account-name:{}", name.to_lowercase()), &account]).await;
        let _: u64 =
            redis.query(&["HSET", &format!("account:{account}"), "name", name, "guest", guest]).await;
    };
    old("M1ra", "0").await;
    // A name that was chosen before it was reserved goes on being its owner's.
    old("Admin", "0").await;
    old("Guest-17", "1").await;
    // As long as a node lives that gives names without a look, it is not done.
    let count = async || {
        let mut round = Round::default();
        while store.census_slice(store.data(), &mut round).await.expect("an answer").is_none() {}
        redis.query::<u64>(&["EXISTS", "skeletons-noted"]).await
    };
    assert_eq!(count().await, 0);
    store.set_kinds_known(KINDS);
    assert_eq!(count().await, 1);
    let create = async |name: &str| {
        store.account_create(&name.parse().expect("a name"), "hash").await.expect("an answer")
    };
    assert_eq!(create("Mira").await, Created::Alike);
    assert_eq!(create("mlRA").await, Created::Alike);
    assert!(matches!(create("Mara").await, Created::Done(_)));
    let guests: u64 = redis.query(&["EXISTS", "account-skeleton:guestl7"]).await;
    assert_eq!(guests, 0, "a guest's name needs none");
    assert!(store.account_named(&"admin".parse().expect("a name")).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_looks_like_another_is_taken_also_if_an_older_version_gave_that() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let create = async |name: &str| {
        store.account_create(&name.parse().expect("a name"), "hash").await.expect("an answer")
    };
    let Created::Done(account) = create("lIIl").await else { panic!("not made") };
    for name in ["IllI", "1111a", "l-I-I-l", "L_il1"] {
        let expected = if name == "1111a" { "Done" } else { "Alike" };
        assert!(format!("{:?}", create(name).await).starts_with(expected), "{name}");
    }
    assert_eq!(create("LIIL").await, Created::Taken);
    // One that was made before there were skeletons has one as soon as it logs in.
    let key = format!("account:{}", account.id);
    let _: u64 = redis.query(&["HDEL", &key, "skeleton"]).await;
    let _: u64 = redis.query(&["DEL", "account-skeleton:llll"]).await;
    let cookie = store.login_create(&account).await.expect("an answer").expect("a login");
    assert!(store.login_find(cookie.as_str()).await.expect("an answer").is_some());
    assert_eq!(create("IllI").await, Created::Alike);
    // One that an older version deleted stands in nobody's way.
    let _: u64 = redis.query(&["DEL", &key, "account-name:liil"]).await;
    assert!(matches!(create("IllI").await, Created::Done(_)));
}

/// A saved game belongs to the two accounts: whatever they are called by now, each is told its seat and whom to invite.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_game_is_resumed_under_new_names() {
    let site = Site::start(2, &[]);
    let (mut ann, mira, table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
    assert!(done(&ann.ask(Ask::Save { table }).await));
    let listed = |update: &Update| matches!(update, Update::Games(games) if games.saved.len() == 1);
    ann.until("the saved game", listed).await;
    let mut ann = upgrade(&site, ann, "Annika").await;
    // It shows its cookie again when the other has its new name.
    let mira = upgrade(&site, mira, "Mirabel").await;
    let row = &Browser::connect(site.address(1), &ann.cookie).await.welcome.games.saved[0];
    assert_eq!(ann.until_closed().await, Some(4409));
    let mut ann = Browser::connect(site.address(0), &ann.cookie).await;
    assert_eq!(
        (row.you, row.opponent.as_ref().map(AccountName::as_str)),
        (Some(Seat::First), Some("Mirabel"))
    );
    let rows = &mira.welcome.games.saved;
    assert_eq!(
        (rows[0].you, rows[0].opponent.as_ref().map(AccountName::as_str)),
        (Some(Seat::Second), Some("Annika"))
    );
    let to = row.opponent.clone().expect("a name");
    let resume = |to: AccountName| Ask::Invite { to, options: TableOptions::default(), resume: Some(table) };
    assert!(done(&ann.ask(resume(to)).await));
    let mut mira = mira;
    let invite = received(&mut mira, None).await;
    assert_eq!((invite.name.as_str(), invite.resume), ("Annika", Some(table)));
    // By the name that was written down then, too; crossing, it starts.
    let old_name = rows_name(&mira, Seat::First);
    assert!(matches!(mira.ask(resume(old_name)).await, Update::Done { table: Some(_), .. }));
    assert_eq!(ann.until_table("the table", |view| view.table == table).await.table, table);
}

/// The name in a saved game, as it was when the game was stopped.
fn rows_name(browser: &Browser, seat: Seat) -> AccountName {
    browser.welcome.games.saved[0].names[seat].clone()
}
