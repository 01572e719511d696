//! A node's mirror of a large lobby: a browser gets its page and no more, from a text made once for all its readers.

use std::time::Duration;

use nineflags::cluster::mirror::{Mirror, PAGES_EVERY};
use nineflags::ids::{AccountId, TableId};
use nineflags::lobby::event::{LobbyChange, TableNews, Versioned};
use nineflags::lobby::{Applied, Player, Snapshot, Table};
use nineflags::protocol::{LOBBY_PAGE, LobbyList, LobbyQuery, LobbyRows, TableRow};
use nineflags::rules::seat::BySeat;
use uuid::Uuid;

const PLAYERS: u32 = 20_000;
const TABLES: u32 = 5_000;
/// Bytes of a page as it is sent: a row is some 250, and there are 25.
const PAGE_BYTES_MAX: usize = 10_000;

fn account(number: u32) -> AccountId {
    AccountId(Uuid::from_u128(u128::from(number)))
}

fn table(number: u32) -> TableId {
    TableId(Uuid::from_u128(1 << 64 | u128::from(number)))
}

fn name(number: u32) -> nineflags::ids::AccountName {
    format!("Player-{number:05}").parse().expect("a name")
}

/// Half of the players sit at tables.
fn large() -> Snapshot {
    let players =
        (0..PLAYERS).map(|number| Player { account: account(number), name: name(number), guest: false });
    let tables = (0..TABLES).map(|number| Table {
        accounts: BySeat { first: account(2 * number), second: account(2 * number + 1) },
        row: TableRow {
            table: table(number),
            names: BySeat { first: name(2 * number), second: name(2 * number + 1) },
            number: 40,
            flags: "1--2-----".to_owned(),
            watchers: 3,
        },
    });
    Snapshot { version: 7, players: players.collect(), tables: tables.collect() }
}

fn mirror() -> Mirror {
    let mirror = Mirror::default();
    mirror.load(large());
    mirror.announce();
    mirror
}

fn query(list: LobbyList, page: u32) -> LobbyQuery {
    LobbyQuery { list, search: String::new(), free_only: false, page }
}

fn news(version: u64, number: u32) -> Versioned {
    let rows = vec![TableNews { table: table(TABLES - 1), number, flags: "11-2-----".to_owned() }];
    Versioned { version, change: LobbyChange::TablesNews { rows } }
}

#[tokio::test]
async fn a_browser_gets_its_page_of_twenty_thousand_players_and_no_more() {
    let mirror = mirror();
    for (list, pages) in [(LobbyList::Players, PLAYERS), (LobbyList::Tables, TABLES)] {
        for page in [0, 3, pages / 25 - 1, u32::MAX] {
            let asked = query(list, page);
            let shown = mirror.page(&asked);
            let rows = match &shown.rows {
                LobbyRows::Players(rows) => rows.len(),
                LobbyRows::Tables(rows) => rows.len(),
            };
            assert_eq!((rows, shown.players, shown.tables), (LOBBY_PAGE, PLAYERS, TABLES));
            assert_eq!(shown.query.page, page.min(pages / 25 - 1));
            let bytes = mirror.page_text(&asked).await.len();
            assert!(bytes <= PAGE_BYTES_MAX, "{bytes} bytes");
        }
    }
}

#[tokio::test]
async fn all_readers_of_a_page_share_one_text_until_the_next_announcement() {
    let mirror = mirror();
    let asked = query(LobbyList::Tables, 0);
    let first = mirror.page_text(&asked).await;
    for version in 8..500 {
        assert_eq!(
            mirror.apply(&news(version, 40 + u32::try_from(version).expect("small"))),
            Applied::Changed
        );
        let again = mirror.page_text(&asked).await;
        assert_eq!(again.as_ptr(), first.as_ptr(), "made once, however often the lobby changes meanwhile");
    }
    mirror.announce();
    assert_ne!(mirror.page_text(&asked).await, first);
}

#[tokio::test]
async fn announcements_come_four_times_a_second_at_most_and_later_when_pages_took_long() {
    let mirror = mirror();
    let mut changes = mirror.changes();
    changes.borrow_and_update();
    assert_eq!(mirror.announce(), PAGES_EVERY);
    assert!(PAGES_EVERY >= Duration::from_millis(250));
    assert!(!changes.has_changed().expect("a mirror"), "nothing happened, nothing is announced");

    // A different search for each of many browsers: every page has to be made.
    mirror.apply(&news(8, 41));
    let before = std::time::Instant::now();
    for number in 0..300 {
        let asked = LobbyQuery { search: format!("{number:03}"), ..query(LobbyList::Players, 0) };
        mirror.page_text(&asked).await;
    }
    let most = before.elapsed();
    let pause = mirror.announce();
    assert!(changes.has_changed().expect("a mirror"));
    // Whatever the machine: making pages takes a bounded share of the time until the next announcement.
    assert!(pause >= PAGES_EVERY && pause <= PAGES_EVERY.max(most * 8), "{pause:?} after {most:?}");
}

#[tokio::test]
async fn a_page_without_a_search_costs_its_rows_whoever_is_online() {
    let took = |mirror: &Mirror| {
        let began = std::time::Instant::now();
        for page in 0..400 {
            for free_only in [false, true] {
                mirror.page(&LobbyQuery { free_only, ..query(LobbyList::Players, page * 2) });
            }
            mirror.page(&query(LobbyList::Tables, page));
        }
        began.elapsed()
    };
    let large_one = mirror();
    let small_one = Mirror::default();
    let Snapshot { version, mut players, mut tables } = large();
    players.truncate(200);
    tables.truncate(50);
    small_one.load(Snapshot { version, players, tables });
    // Three attempts: somebody else may use the machine.
    let ratio = (0..3).map(|_| took(&large_one).as_secs_f64() / took(&small_one).as_secs_f64());
    let best = ratio.fold(f64::INFINITY, f64::min);
    assert!(best < 6.0, "a hundred times as many players cost {best:.1} times as much");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_lock_nothing_that_changes_need() {
    let mirror = std::sync::Arc::new(mirror());
    let searching = std::sync::Arc::clone(&mirror);
    let searches = tokio::spawn(async move {
        for number in 0..200 {
            let asked = LobbyQuery { search: format!("{number:03}"), ..query(LobbyList::Players, 0) };
            searching.page_text(&asked).await;
        }
    });
    let mut version = 7;
    while !searches.is_finished() {
        version += 1;
        assert_eq!(mirror.apply(&news(version, 41)), Applied::Changed);
        mirror.announce();
        tokio::task::yield_now().await;
    }
    searches.await.expect("they end");
    assert!(version > 207, "changes went on meanwhile: {version}");
}
