//! What Redis holds of a guest, and of an account that was deleted: it ends with them.

use nineflags::ids::{AccountName, TableId};
use nineflags::protocol::{Ask, LobbyList, LobbyQuery, RefusalCode, Update};
use nineflags::table::options::TableOptions;
use serde_json::json;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, accept, http, seated};
use crate::harness::process::until;
use crate::harness::site::Site;

/// Keys that end with what they are about: an invite that lapses, a table that is put away, and finished games.
const OF_OTHER_THINGS: [&str; 4] = ["invites:", "invites-sent:", "seat:", "archive-by:"];

fn id_of(site: &Site, name: &AccountName) -> String {
    site.ask(&["GET", &format!("account-name:{}", name.folded())])
}

/// The keys of a guest that would be there when it is gone, if nobody uses it any more.
fn outliving(site: &Site, name: &AccountName) -> Vec<String> {
    let ends = |key: &str| site.ask::<i64>(&["PEXPIRETIME", key]);
    let id = id_of(site, name);
    let last = ends(&format!("account:{id}"));
    assert!(last > 0, "a guest ends: {last}");
    let mut keys: Vec<String> = site.ask(&["KEYS", &format!("*{id}*")]);
    keys.push(format!("account-name:{}", name.folded()));
    for hash in site.ask::<Vec<String>>(&["SMEMBERS", &format!("logins:{id}")]) {
        keys.push(format!("login:{hash}"));
    }
    keys.retain(|key| {
        !OF_OTHER_THINGS.iter().any(|prefix| key.starts_with(prefix)) && !(0..=last).contains(&ends(key))
    });
    keys
}

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

fn invite(to: &Browser, resume: Option<TableId>) -> Ask {
    Ask::Invite { to: to.name.clone(), options: TableOptions::default(), resume }
}

async fn until_put_away(browsers: [&mut Browser; 2]) {
    for browser in browsers {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    }
}

/// A game that both have saved, under the names in this order.
async fn saved(one: Browser, two: Browser) -> (Browser, Browser, TableId) {
    let name = one.name.clone();
    let (mut first, mut second, table) = seated(one, two).await;
    assert!(is_done(&first.ask(Ask::Save { table }).await));
    until_put_away([&mut first, &mut second]).await;
    if first.name == name { (first, second, table) } else { (second, first, table) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_guest_asks_for_outlives_it() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (mut ann, mut ben) = (Browser::guest(node).await, Browser::guest(node).await);
    let (cal, dan) = (Browser::guest(node).await, Browser::guest(node).await);
    let (ben_is, cal_is) = (ben.name.clone(), cal.name.clone());
    let (_cal, _dan, other_table) = seated(cal, dan).await;
    let own = ann.name.clone();
    let check = |after: &dyn std::fmt::Debug| {
        assert_eq!(outliving(&site, &own), Vec::<String>::new(), "after {after:?}");
    };
    let lobby = LobbyQuery { list: LobbyList::Players, search: String::new(), free_only: false, page: 0 };
    let asks = [
        Ask::Ping,
        Ask::Lobby(lobby),
        Ask::LeaveLobby,
        Ask::Block { name: cal_is.clone() },
        Ask::Unblock { name: cal_is.clone() },
        Ask::Block { name: cal_is },
        Ask::Tell { to: ben_is.clone(), text: "Hello".to_owned() },
        invite(&ben, None),
        Ask::Withdraw { to: ben_is.clone(), invite: None },
        Ask::Watch { table: other_table },
        Ask::Say { table: other_table, text: "Well played".to_owned() },
        Ask::Unwatch { table: other_table },
    ];
    for ask in asks {
        let answer = ann.ask(ask.clone()).await;
        assert!(is_done(&answer), "{ask:?}: {answer:?}");
        check(&ask);
    }
    assert!(is_done(&ben.ask(invite(&ann, None)).await));
    ann.until("the invite", |update| matches!(update, Update::Invites(all) if !all.received.is_empty()))
        .await;
    assert!(is_done(&ann.ask(Ask::Decline { from: ben_is.clone(), invite: None }).await));
    check(&"declining");

    let (mut first, mut second, table) = seated(ben, ann).await;
    check(&"accepting");
    let view = play_on(&mut first, &mut second, table, 6, &mut Dice(7)).await;
    check(&"moving");
    let (mut ann, mut ben) = if first.name == own { (first, second) } else { (second, first) };
    let asks = [
        Ask::Say { table, text: "Hello".to_owned() },
        Ask::Seen { table, tip: view.tip, sealed: Vec::new() },
        Ask::ClaimWin { table },
        Ask::Block { name: ben_is.clone() },
        Ask::Unblock { name: ben_is.clone() },
        Ask::Save { table },
    ];
    for ask in asks {
        let answer = ann.ask(ask.clone()).await;
        assert!(is_done(&answer) || matches!(ask, Ask::ClaimWin { .. }), "{ask:?}: {answer:?}");
        check(&ask);
    }
    until_put_away([&mut ann, &mut ben]).await;
    check(&"a game that is saved");
    assert!(is_done(&ann.ask(invite(&ben, Some(table))).await));
    assert!(is_done(&accept(&mut ben, own.clone()).await));
    check(&"a game that goes on");
    assert!(is_done(&ann.ask(Ask::Save { table }).await));
    until_put_away([&mut ann, &mut ben]).await;
    assert!(is_done(&ann.ask(Ask::DropSaved { table }).await));
    check(&"dropping it");
    let (mut first, mut second, table) = seated(ann, ben).await;
    assert!(is_done(&first.ask(Ask::Resign { table }).await));
    until_put_away([&mut first, &mut second]).await;
    check(&"a game that is finished");

    drop((first, second));
    let id = id_of(&site, &own);
    until("it is offline", || site.ask::<u64>(&["HEXISTS", "online", &id]) == 0);
    check(&"leaving");
    let left: Vec<String> = site.ask(&["KEYS", &format!("*{id}*")]);
    let endless = left.iter().filter(|key| site.ask::<i64>(&["TTL", key]) == -1);
    assert_eq!(endless.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Whoever plays with an account that is deleted sees that its game cannot go on, and can drop it; then nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_saved_games_when_an_account_is_deleted_and_the_other_drops_them() {
    let site = Site::start(2, &[]);
    let (here, there) = (site.address(0), site.address(1));
    let delete = async |of: &Browser| {
        let body = json!({"password": "correct horse battery"});
        let gone = http(here, "POST", "/api/delete", &of.cookie, Some(&body)).await;
        assert_eq!(gone.status, 200, "{}", gone.body);
    };
    let left = |table: TableId, ids: &[&str]| {
        let mut keys: Vec<String> = site.ask(&["KEYS", &format!("saved*:{table}")]);
        for id in ids {
            keys.extend(site.ask::<Vec<String>>(&["KEYS", &format!("*{id}*")]));
        }
        // What was asked lately is remembered for five minutes.
        keys.retain(|key| !key.starts_with("words:"));
        keys
    };
    let pairs = [
        (Browser::sign_up(here, "Ann").await, Browser::guest(there).await),
        (Browser::guest(here).await, Browser::sign_up(there, "Ben").await),
        (Browser::sign_up(here, "Cal").await, Browser::sign_up(there, "Dan").await),
    ];
    for (one, two) in pairs {
        let (one, mut two, table) = saved(one, two).await;
        let id = id_of(&site, &one.name);
        delete(&one).await;
        let games = two
            .until("the list", |update| {
                matches!(update, Update::Games(games) if games.saved.iter().any(|row| row.opponent.is_none()))
            })
            .await;
        let Update::Games(games) = games else { panic!("the list: {games:?}") };
        assert!(games.saved[0].you.is_some(), "the page tells by it that nobody is there: {games:?}");
        match two.ask(invite(&one, Some(table))).await {
            Update::Refused { code: RefusalCode::NoSavedGame, words, .. } => {
                assert!(words.contains("only dropped"), "{words}");
            }
            answer => panic!("nobody can go on with it: {answer:?}"),
        }
        let mut again = Browser::connect(here, &two.cookie).await;
        assert_eq!(again.welcome.games.saved.len(), 1);
        assert!(is_done(&again.ask(Ask::DropSaved { table }).await));
        assert_eq!(left(table, &[&id]), Vec::<String>::new());
    }
    // Where both are deleted nobody drops it.
    let (one, two, table) = saved(Browser::guest(here).await, Browser::sign_up(there, "Eve").await).await;
    let ids = [id_of(&site, &one.name), id_of(&site, &two.name)];
    delete(&one).await;
    delete(&two).await;
    assert_eq!(left(table, &[&ids[0], &ids[1]]), Vec::<String>::new());
}
