//! Logins: what ends and lasts together, and what a change of the account does to logins under way.

use std::time::Duration;

use futures_util::future::join_all;
use nineflags::ids::{NodeId, SessionId};
use nineflags::protocol::{Ask, Update};
use nineflags::store::Store;
use nineflags::store::accounts::{Account, Created, Deleted, GUEST_LIVES, UNPLAYED_GUEST_LIVES, Upgraded};
use nineflags::store::lobby::Entered;
use nineflags::store::logins::{LOGIN_LIVES, LOGIN_LIVES_MAX, LOGINS_MAX, Login, LoginHash, PasswordChange};
use serde_json::json;

use crate::harness::browser::{Browser, http, seated};
use crate::harness::lone::Redis;
use crate::harness::process::until;
use crate::harness::relay::relay;
use crate::harness::site::Site;
use crate::model::dice::Dice;

/// How often a race is run.
const RACES: usize = 40;
const PASSWORD: &str = "correct horse battery";

async fn account(store: &Store, name: &str) -> Account {
    let created = store.account_create(&name.parse().expect("a name"), "old hash").await.expect("an answer");
    let Created::Done(account) = created else { panic!("{name}: {created:?}") };
    account
}

async fn cookie(store: &Store, account: &Account) -> String {
    store.login_create(account).await.expect("an answer").expect("a login").as_str().to_owned()
}

async fn find(store: &Store, cookie: &str) -> Option<Login> {
    store.login_find(cookie).await.expect("an answer")
}

async fn login(store: &Store, account: &Account) -> Login {
    find(store, &cookie(store, account).await).await.expect("it stands")
}

/// A time without a part of it.
fn less(time: Duration, part: Duration) -> Duration {
    time.checked_sub(part).expect("a part")
}

async fn ttl_ms(redis: &Redis, key: &str) -> i64 {
    redis.query(&["PTTL", key]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_checked_before_it_was_changed_makes_no_login() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let checked = account(&store, "Ann").await;
    let own = login(&store, &checked).await;
    assert_eq!(store.password_change(&own, "new hash").await.expect("an answer"), PasswordChange::Done);
    assert_eq!(store.login_create(&checked).await.expect("an answer"), None);
    // Neither does it change the password, or delete the account.
    assert_eq!(store.password_change(&own, "another").await.expect("an answer"), PasswordChange::Changed);
    assert_eq!(store.account_delete(&own).await.expect("an answer"), Deleted::Changed);
    let now = store.account(checked.id).await.expect("an answer").expect("there");
    assert_eq!(now.password, "new hash");
    assert!(store.login_create(&now).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_ended_changes_nothing_any_more() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let (ann, guest) = (account(&store, "Ann").await, store.guest_create().await.expect("a guest"));
    for account in [&ann, &guest] {
        let text = cookie(&store, account).await;
        let ended = find(&store, &text).await.expect("it stands");
        for _ in 0..2 {
            store.login_end(&text).await.expect("ended, however often");
        }
        assert_eq!(find(&store, &text).await, None);
        assert_eq!(store.password_change(&ended, "new").await.expect("an answer"), PasswordChange::LoggedOut);
        assert_eq!(store.account_delete(&ended).await.expect("an answer"), Deleted::LoggedOut);
        let name = "Mira".parse().expect("a name");
        assert_eq!(
            store.account_upgrade(&ended, &name, "new").await.expect("an answer"),
            Upgraded::LoggedOut
        );
        let entered = store.enter(account, Some(&ended.hash), NodeId::random(), SessionId::random()).await;
        assert_eq!(entered.expect("an answer"), Entered::LoggedOut);
        let entered = store.reenter(account, Some(&ended.hash), NodeId::random(), SessionId::random()).await;
        assert_eq!(entered.expect("an answer"), Entered::LoggedOut);
        assert!(!store.is_online(account.id).await.expect("an answer"));
    }
    assert_eq!(store.account(ann.id).await.expect("an answer"), Some(ann));
}

/// Log-ins with the old password and a change of it, at the same instant: none of them outlives the change.
#[tokio::test(flavor = "multi_thread")]
async fn no_login_with_the_old_password_outlives_its_change() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    let mut made = 0;
    for _ in 0..RACES {
        let checked = account(&store, "Ann").await;
        let own = login(&store, &checked).await;
        let (one, change, two) = tokio::join!(
            other.login_create(&checked),
            store.password_change(&own, "new hash"),
            other.login_create(&checked)
        );
        assert_eq!(change.expect("an answer"), PasswordChange::Done);
        for cookie in [one, two].into_iter().filter_map(|made| made.expect("an answer")) {
            made += 1;
            assert_eq!(find(&store, cookie.as_str()).await, None, "made with the old password");
        }
        let own = store.login_use(own.hash).await.expect("an answer");
        assert_eq!(own.map(|login| login.account.password), Some("new hash".to_owned()), "the own one stays");
        let _: String = redis.query(&["FLUSHALL"]).await;
    }
    assert!(made > 0, "no log-in was ever faster");
}

/// A guest's login is used while the guest becomes an account: the account has no end.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_guest_lives_for_ever_whoever_used_its_login_meanwhile() {
    let redis = Redis::start().await;
    let (store, other) = (redis.store().await, redis.store().await);
    for _ in 0..RACES {
        let guest = store.guest_create().await.expect("a guest");
        let own = login(&store, &guest).await;
        let uses = async {
            for _ in 0..10 {
                other.login_use(own.hash.clone()).await.expect("an answer");
            }
        };
        let name = "Ann".parse().expect("a name");
        let (upgraded, ()) = tokio::join!(store.account_upgrade(&own, &name, "hash"), uses);
        let Upgraded::Done(cookie) = upgraded.expect("an answer") else { panic!("not upgraded") };
        assert_eq!(
            store.login_use(own.hash).await.expect("an answer"),
            None,
            "the guest's cookie counts no more"
        );
        let keys = [format!("account:{}", guest.id), "account-name:ann".to_owned()];
        for key in &keys {
            assert_eq!(ttl_ms(&redis, key).await, -1, "{key}");
        }
        // A node of an older version could give it an end all the same.
        let _: u64 = redis.query(&["EXPIRE", &keys[0], "2592000"]).await;
        let found = find(&store, cookie.as_str()).await.expect("it stands").account;
        assert_eq!((found.name.as_str(), found.guest), ("Ann", false));
        assert_eq!(ttl_ms(&redis, &keys[0]).await, -1);
        let _: String = redis.query(&["FLUSHALL"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_logins_does_not_end_before_they_do() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let body = json!({"name": "Ann", "password": PASSWORD});
    let first = http(node, "POST", "/api/signup", "", Some(&body)).await.cookie.expect("a login");
    let id: String = site.ask(&["GET", "account-name:ann"]);
    for set in ["logins", "logins-made"] {
        let key = format!("{set}:{id}");
        let _: u64 = site.ask(&["EXPIRE", &key, "1"]);
        until("it is gone", || site.ask::<u64>(&["EXISTS", &key]) == 0);
        let again = http(node, "POST", "/api/login", "", Some(&body)).await.cookie.expect("a login");
        let change = json!({"old": PASSWORD, "new": PASSWORD});
        assert_eq!(http(node, "POST", "/api/password", &again, Some(&change)).await.status, 200);
        assert_eq!(http(node, "GET", "/api/me", &first, None).await.status, 401);
        assert_eq!(http(node, "GET", "/api/me", &again, None).await.status, 200);
    }
}

/// Whatever end each key was given: after a login is used nothing that belongs to it ends before it.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_use_nothing_of_a_login_ends_before_it() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let mut dice = Dice(11);
    for is_guest in [true, false] {
        let owner = if is_guest {
            store.guest_create().await.expect("a guest")
        } else {
            account(&store, "Ann").await
        };
        let mut cookies = Vec::new();
        for _ in 0..if is_guest { 1 } else { 3 } {
            cookies.push(cookie(&store, &owner).await);
        }
        for _ in 0..60 {
            let keys: Vec<String> = redis.query(&["KEYS", "*"]).await;
            for key in &keys {
                if ttl_ms(&redis, key).await > 0 && dice.chance(500) {
                    let ends = 60_000 + 1_000 * dice.below(40 * 24 * 3_600);
                    let _: u64 = redis.query(&["PEXPIRE", key, &ends.to_string()]).await;
                }
            }
            let used = dice.pick(&cookies).clone();
            let found = find(&store, &used).await.expect("it stands");
            let own = format!("login:{}", LoginHash::of(&used).as_str());
            let lasts = ttl_ms(&redis, &own).await;
            assert!(found.lasts.as_millis().abs_diff(u128::try_from(lasts).expect("it ends")) < 5_000);
            for key in keys.iter().filter(|key| !key.starts_with("login:")) {
                let ends = ttl_ms(&redis, key).await;
                let holds = !key.starts_with("logins");
                assert!(
                    ends == -1 && holds && !is_guest || ends >= lasts - 5_000,
                    "{key} ends in {ends} of {lasts} ms"
                );
            }
        }
        let _: String = redis.query(&["FLUSHALL"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_login_is_renewed_once_a_day_and_ends_all_the_same() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let ann = account(&store, "Ann").await;
    let text = cookie(&store, &ann).await;
    let hash = LoginHash::of(&text).as_str().to_owned();
    let (key, made) = (format!("login:{hash}"), format!("logins-made:{}", ann.id));
    let found = find(&store, &text).await.expect("it stands");
    assert!(
        !found.renewed
            && found.lasts <= LOGIN_LIVES
            && found.lasts > less(LOGIN_LIVES, Duration::from_mins(1))
    );
    // A day later.
    let later = less(LOGIN_LIVES, Duration::from_hours(25));
    let _: u64 = redis.query(&["PEXPIRE", &key, &later.as_millis().to_string()]).await;
    let now = store.now_ms().await.expect("a time");
    let kept = now + u64::try_from(later.as_millis()).expect("a time");
    let _: u64 = redis.query(&["HSET", &made, &hash, &format!("{now} 0 {kept}")]).await;
    // A websocket that uses it has no cookie to set, and leaves that to the next answer that can.
    let used = store.login_use(found.hash).await.expect("an answer").expect("it stands");
    assert!(!used.renewed && used.lasts > less(LOGIN_LIVES, Duration::from_mins(1)));
    let found = find(&store, &text).await.expect("it stands");
    assert!(found.renewed && found.lasts > less(LOGIN_LIVES, Duration::from_mins(1)));
    assert!(!find(&store, &text).await.expect("it stands").renewed);

    let ago = async |age: Duration| {
        let at = store.now_ms().await.expect("a time") - u64::try_from(age.as_millis()).expect("a time");
        let _: u64 = redis.query(&["HSET", &made, &hash, &format!("{at} 0")]).await;
        let _: u64 = redis.query(&["PEXPIRE", &key, "60000"]).await;
    };
    let left = Duration::from_hours(72);
    ago(less(LOGIN_LIVES_MAX, left)).await;
    let found = find(&store, &text).await.expect("it stands");
    assert!(found.renewed && found.lasts <= left, "{found:?}");
    assert!(!find(&store, &text).await.expect("it stands").renewed);
    ago(LOGIN_LIVES_MAX + Duration::from_secs(1)).await;
    assert_eq!(find(&store, &text).await, None);
    let left: u64 = redis.query(&["EXISTS", &key]).await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_logins_and_the_oldest_ends() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let ann = account(&store, "Ann").await;
    let (set, most) = (format!("logins:{}", ann.id), usize::try_from(LOGINS_MAX).expect("small"));
    // What lapsed was left in the set by older versions.
    for number in 0..50 {
        let _: u64 = redis.query(&["SADD", &set, &format!("lapsed-{number}")]).await;
    }
    let mut cookies = Vec::new();
    for _ in 0..most + 3 {
        cookies.push(cookie(&store, &ann).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for (number, text) in cookies.iter().enumerate() {
        assert_eq!(find(&store, text).await.is_some(), number >= 3, "login {number}");
    }
    for key in [format!("SCARD {set}"), format!("HLEN logins-made:{}", ann.id)] {
        let words: Vec<&str> = key.split(' ').collect();
        assert_eq!(redis.query::<usize>(&words).await, most);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_an_older_version_stand_until_the_password_is_changed() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let ann = account(&store, "Ann").await;
    let (id, set) = (ann.id.to_string(), format!("logins:{}", ann.id));
    let older = async |text: &str, listed: bool| {
        let hash = LoginHash::of(text).as_str().to_owned();
        let _: String = redis.query(&["SET", &format!("login:{hash}"), &id, "EX", "2592000"]).await;
        if listed {
            let _: u64 = redis.query(&["SADD", &set, &hash]).await;
        }
    };
    older("listed", true).await;
    older("forgotten", false).await;
    older("unused", false).await;
    for text in ["listed", "forgotten"] {
        assert!(find(&store, text).await.is_some(), "{text}");
    }
    let own = login(&store, &ann).await;
    assert_eq!(store.password_change(&own, "new hash").await.expect("an answer"), PasswordChange::Done);
    for text in ["listed", "forgotten", "unused"] {
        assert_eq!(find(&store, text).await, None, "{text}");
    }
    // A node of the older version goes on making some.
    older("later", true).await;
    assert!(find(&store, "later").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_never_played_goes_after_a_day() {
    let site = Site::start(1, &[]);
    let (ann, mira) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let idle = Browser::guest(site.address(0)).await;
    let lasts = |browser: &Browser| -> Vec<Duration> {
        let name = browser.name.folded();
        let id: String = site.ask(&["GET", &format!("account-name:{name}")]);
        let hash = LoginHash::of(browser.cookie.split_once('=').expect("a name").1);
        let login = format!("login:{}", hash.as_str());
        let keys = [format!("account-name:{name}"), format!("account:{id}"), format!("logins:{id}"), login];
        keys.iter().map(|key| Duration::from_millis(site.ask(&["PTTL", key]))).collect()
    };
    let is = |lasts: &[Duration], whole: Duration| {
        lasts.iter().all(|lasts| *lasts <= whole && *lasts > less(whole, Duration::from_mins(1)))
    };
    assert!(is(&lasts(&ann), UNPLAYED_GUEST_LIVES), "{:?}", lasts(&ann));
    let (ann, mira, _) = seated(ann, mira).await;
    for player in [&ann, &mira] {
        assert!(is(&lasts(player), GUEST_LIVES), "{:?}", lasts(player));
    }
    assert!(is(&lasts(&idle), UNPLAYED_GUEST_LIVES), "{:?}", lasts(&idle));
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_find_a_name_when_all_short_numbers_are_taken() {
    let redis = Redis::start().await;
    let store = redis.store().await;
    let script = "for number = ARGV[1], ARGV[1] + 4999 do \
                  redis.call('SET', 'account-name:guest-' .. string.format('%d', number), 'x') end";
    for first in (100_000..1_000_000).step_by(5_000) {
        let _: Option<u64> = redis.query(&["EVAL", script, "0", &first.to_string()]).await;
    }
    for _ in 0..20 {
        store.guest_create().await.expect("a guest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_login_and_with_no_other() {
    let site = Site::start(2, &[]);
    let ann = Browser::sign_up(site.address(0), "Ann").await;
    let log_in = async || {
        let body = json!({"name": "Ann", "password": PASSWORD});
        http(site.address(1), "POST", "/api/login", "", Some(&body)).await.cookie.expect("a login")
    };
    // Its own change of the password, at another node, does not disturb it.
    let change = |old: &str, new: &str| json!({"old": old, "new": new});
    let mut ann = ann;
    let other = log_in().await;
    let body = change(PASSWORD, "another password");
    assert_eq!(http(site.address(1), "POST", "/api/password", &ann.cookie, Some(&body)).await.status, 200);
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));
    assert_eq!(http(site.address(0), "GET", "/api/me", &other, None).await.status, 401);
    // One of another login ends it.
    let body = json!({"name": "Ann", "password": "another password"});
    let other = http(site.address(1), "POST", "/api/login", "", Some(&body)).await.cookie.expect("a login");
    let body = change("another password", PASSWORD);
    assert_eq!(http(site.address(1), "POST", "/api/password", &other, Some(&body)).await.status, 200);
    assert_eq!(ann.until_closed().await, Some(4401));
    // So does the log-out of its own.
    let mut ann = Browser::connect(site.address(0), &other).await;
    let another = log_in().await;
    assert_eq!(http(site.address(1), "POST", "/api/logout", &another, Some(&json!({}))).await.status, 200);
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));
    assert_eq!(http(site.address(1), "POST", "/api/logout", &other, Some(&json!({}))).await.status, 200);
    assert_eq!(ann.until_closed().await, Some(4401));
}

/// All wait together for a replica that lags: however many there are, none waits for another's turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lags_delays_log_ins_and_refuses_none() {
    // For each 64 KB at most: what 200 log-ins write passes in a few of these, far from the 1.4 s that a write waits for its replicas.
    const LAG: Duration = Duration::from_millis(100);
    let primary = Redis::start().await;
    let through = relay(primary.port(), |_, _| std::thread::sleep(LAG));
    let _replica = Redis::replica_through(through, &primary).await;
    let store = primary.store().await;
    let ann = account(&store, "Ann").await;
    for made in join_all((0..200).map(|_| store.login_create(&ann))).await {
        assert!(made.expect("an answer").is_some());
    }
}

/// What is answered about logins is on the replicas; where it cannot be, the answer is that this is not known.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_stays_ended_after_a_failover() {
    let primary = Redis::start().await;
    let replica = Redis::replica_of(&primary).await;
    let store = primary.store().await;
    let ann = account(&store, "Ann").await;
    let (own, other) = (login(&store, &ann).await, cookie(&store, &ann).await);
    assert_eq!(store.password_change(&own, "new hash").await.expect("an answer"), PasswordChange::Done);
    let left: u64 = replica.query(&["EXISTS", &format!("login:{}", LoginHash::of(&other).as_str())]).await;
    assert_eq!(left, 0, "the replica has it when it is said");

    replica.signal("STOP");
    let now = store.account(ann.id).await.expect("an answer").expect("there");
    assert!(store.login_create(&now).await.is_err());
    let again = store.login_use(own.hash.clone()).await.expect("an answer").expect("it stands");
    assert!(store.password_change(&again, "newer hash").await.is_err());
    assert!(store.login_end("nothing").await.is_err(), "also when there is nothing left to do");
    assert!(store.settle().await.is_err());
    replica.signal("CONT");
    store.settle().await.expect("the replica follows again");
}
