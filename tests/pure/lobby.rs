//! The lobby as a fold over changes: who is there, what is played, pages, search, gaps.

use nineflags::ids::{AccountId, TableId};
use nineflags::lobby::event::{LobbyChange, TableNews, Versioned};
use nineflags::lobby::sorted::Sorted;
use nineflags::lobby::{Applied, Lobby, Player, Snapshot, Table};
use nineflags::protocol::{LOBBY_PAGE, LobbyList, LobbyPage, LobbyQuery, LobbyRows, TableRow};
use nineflags::rules::seat::BySeat;
use uuid::Uuid;

use crate::model::dice::Dice;

fn account(number: u32) -> AccountId {
    AccountId(Uuid::from_u128(u128::from(number)))
}

fn table(number: u32) -> TableId {
    TableId(Uuid::from_u128(0xAB00 + u128::from(number)))
}

fn player_in(number: u32, name: &str) -> LobbyChange {
    LobbyChange::PlayerIn { account: account(number), name: name.parse().expect("a name"), guest: false }
}

fn table_in(number: u32, first: (u32, &str), second: (u32, &str)) -> LobbyChange {
    LobbyChange::TableIn {
        table: table(number),
        accounts: BySeat { first: account(first.0), second: account(second.0) },
        names: BySeat { first: first.1.parse().expect("a name"), second: second.1.parse().expect("a name") },
    }
}

fn news(number: u32) -> TableNews {
    TableNews { table: table(number), number: 12, flags: "1---2----".to_owned() }
}

/// A lobby after these changes, versions from 1.
fn after(changes: &[LobbyChange]) -> Lobby {
    let mut lobby = Lobby::default();
    for (version, change) in (1..).zip(changes) {
        assert_eq!(lobby.apply(&Versioned { version, change: change.clone() }), Applied::Changed);
    }
    lobby
}

fn query(list: LobbyList) -> LobbyQuery {
    LobbyQuery { list, search: String::new(), free_only: false, page: 0 }
}

fn names(page: &LobbyPage) -> Vec<String> {
    match &page.rows {
        LobbyRows::Players(rows) => rows.iter().map(|row| row.name.to_string()).collect(),
        LobbyRows::Tables(rows) => rows.iter().map(|row| row.names.first.to_string()).collect(),
    }
}

fn tables(lobby: &Lobby) -> Vec<TableRow> {
    match lobby.page(&query(LobbyList::Tables)).rows {
        LobbyRows::Tables(rows) => rows,
        LobbyRows::Players(_) => panic!("tables were asked for"),
    }
}

/// Everything a lobby shows, for comparing two.
fn all(lobby: &Lobby) -> String {
    let page = |list| serde_json::to_string(&lobby.page(&query(list))).expect("JSON");
    format!("{} {}", page(LobbyList::Players), page(LobbyList::Tables))
}

#[test]
fn players_are_listed_by_name_whatever_their_case() {
    let lobby = after(&[player_in(1, "mira"), player_in(2, "Otto"), player_in(3, "Ann")]);
    assert_eq!(names(&lobby.page(&query(LobbyList::Players))), ["Ann", "mira", "Otto"]);
    assert_eq!(lobby.player(&"MIRA".parse().expect("a name")), Some(account(1)));
    assert_eq!(lobby.player(&"Mir".parse().expect("a name")), None);
}

#[test]
fn a_player_who_leaves_or_is_renamed_is_there_no_more() {
    let lobby = after(&[
        player_in(1, "Guest-7"),
        player_in(2, "Ann"),
        player_in(1, "Mira"),
        LobbyChange::PlayerOut { account: account(2) },
        LobbyChange::PlayerOut { account: account(9) },
    ]);
    assert_eq!(names(&lobby.page(&query(LobbyList::Players))), ["Mira"]);
    assert_eq!(lobby.size(), (1, 0));
}

#[test]
fn tables_come_move_on_and_go() {
    let mut changes = vec![
        player_in(1, "Ann"),
        player_in(2, "Mira"),
        player_in(3, "Otto"),
        table_in(1, (1, "Ann"), (2, "Mira")),
        LobbyChange::TablesNews { rows: vec![news(1), news(8)] },
        LobbyChange::Watchers { table: table(1), count: 3 },
        LobbyChange::Watchers { table: table(8), count: 3 },
    ];
    let lobby = after(&changes);
    let rows = tables(&lobby);
    assert_eq!((rows[0].number, rows[0].flags.as_str(), rows[0].watchers), (12, "1---2----", 3));
    let page = lobby.page(&query(LobbyList::Players));
    let LobbyRows::Players(rows) = page.rows else { panic!("players were asked for") };
    assert_eq!(rows.iter().map(|row| row.table.is_some()).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((page.players, page.tables, page.matching), (3, 1, 3));
    let free = lobby.page(&LobbyQuery { free_only: true, ..query(LobbyList::Players) });
    assert_eq!((names(&free), free.matching), (vec!["Otto".to_owned()], 1));

    changes.push(LobbyChange::TableOut { table: table(1) });
    let lobby = after(&changes);
    assert_eq!(lobby.size(), (3, 0));
    assert_eq!(names(&lobby.page(&LobbyQuery { free_only: true, ..query(LobbyList::Players) })).len(), 3);
}

#[test]
fn a_seat_at_a_newer_table_outlives_the_older_one() {
    let lobby = after(&[
        player_in(1, "Ann"),
        table_in(1, (1, "Ann"), (2, "Mira")),
        table_in(2, (1, "Ann"), (3, "Otto")),
        LobbyChange::TableOut { table: table(1) },
    ]);
    let LobbyRows::Players(rows) = lobby.page(&query(LobbyList::Players)).rows else { panic!("players") };
    assert_eq!(rows[0].table.as_ref().map(|row| row.table), Some(table(2)));
}

#[test]
fn a_search_finds_any_part_of_a_name_and_nothing_else() {
    let lobby = after(&[
        player_in(1, "Ann"),
        player_in(2, "Hannah"),
        player_in(3, "Otto"),
        table_in(1, (3, "Otto"), (2, "Hannah")),
    ]);
    let find = |list, search: &str| {
        let page = lobby.page(&LobbyQuery { search: search.to_owned(), ..query(list) });
        (names(&page), page.matching)
    };
    assert_eq!(find(LobbyList::Players, "aNN"), (vec!["Ann".to_owned(), "Hannah".to_owned()], 2));
    assert_eq!(find(LobbyList::Players, ".*"), (vec![], 0));
    assert_eq!(find(LobbyList::Tables, "hann"), (vec!["Otto".to_owned()], 1));
    assert_eq!(find(LobbyList::Tables, "ann_"), (vec![], 0));
}

#[test]
fn pages_are_full_and_the_last_one_is_shown_for_any_beyond() {
    let count = u32::try_from(2 * LOBBY_PAGE + 3).expect("small");
    let changes: Vec<_> = (0..count).map(|number| player_in(number, &format!("p{number:03}"))).collect();
    let lobby = after(&changes);
    let page = |page| lobby.page(&LobbyQuery { page, ..query(LobbyList::Players) });
    let sizes: Vec<usize> = (0..3).map(|number| names(&page(number)).len()).collect();
    assert_eq!(sizes, [LOBBY_PAGE, LOBBY_PAGE, 3]);
    assert_eq!(names(&page(1))[0], format!("p{LOBBY_PAGE:03}"));
    for beyond in [3, 1_000, u32::MAX] {
        assert_eq!(page(beyond).query.page, 2);
        assert_eq!(names(&page(beyond)), names(&page(2)));
    }
    let exact = after(&changes[..LOBBY_PAGE]);
    assert_eq!(exact.page(&LobbyQuery { page: 1, ..query(LobbyList::Players) }).query.page, 0);
    assert_eq!(Lobby::default().page(&LobbyQuery { page: 7, ..query(LobbyList::Tables) }).query.page, 0);
}

#[test]
fn a_gap_changes_nothing_and_old_changes_do_no_harm() {
    let mut lobby = after(&[player_in(1, "Ann"), player_in(2, "Mira")]);
    let before = all(&lobby);
    let late = Versioned { version: 4, change: player_in(3, "Otto") };
    assert_eq!(lobby.apply(&late), Applied::Gap);
    let old = Versioned { version: 2, change: LobbyChange::PlayerOut { account: account(1) } };
    assert_eq!(lobby.apply(&old), Applied::Old);
    assert_eq!(all(&lobby), before);
    let next = Versioned { version: 3, change: LobbyChange::PlayerOut { account: account(1) } };
    assert_eq!(lobby.apply(&next), Applied::Changed);
    assert_eq!(lobby.apply(&late), Applied::Changed);
    assert_eq!(names(&lobby.page(&query(LobbyList::Players))), ["Mira", "Otto"]);
}

/// Whoever reads the lobby at any moment and takes the later changes in sees the same as whoever was there from the
/// start, also when the reading was newer than its version and changes come twice.
#[test]
fn a_reader_who_comes_late_sees_the_same() {
    let mut dice = Dice(77);
    for _ in 0..200 {
        let changes: Vec<LobbyChange> = (0..40).map(|_| any_change(&mut dice)).collect();
        let read_at = dice.below(changes.len());
        let told_version = read_at.saturating_sub(dice.below(3));
        let whole = after(&changes);
        let mut late = Lobby::from_snapshot(snapshot(&after(&changes[..read_at]), told_version as u64));
        for (version, change) in (1..).zip(&changes).skip(told_version) {
            assert_eq!(late.apply(&Versioned { version, change: change.clone() }), Applied::Changed);
        }
        assert_eq!(all(&late), all(&whole));
    }
}

/// Names belong to accounts, and a table's seats are free when it starts, as the scripts see to.
fn any_change(dice: &mut Dice) -> LobbyChange {
    let number = u32::try_from(dice.below(6)).expect("small");
    match dice.below(6) {
        0 | 1 => player_in(number, &format!("p{number}")),
        2 => LobbyChange::PlayerOut { account: account(number) },
        3 => table_in(
            number,
            (2 * number, &format!("p{}", 2 * number)),
            (2 * number + 1, &format!("p{}", 2 * number + 1)),
        ),
        4 => LobbyChange::TableOut { table: table(number) },
        _ => LobbyChange::Watchers {
            table: table(number),
            count: u32::try_from(dice.below(4)).expect("small"),
        },
    }
}

/// What a reader finds: the lobby's players and tables, under a version that may be older.
fn snapshot(lobby: &Lobby, version: u64) -> Snapshot {
    let LobbyRows::Players(rows) = lobby.page(&query(LobbyList::Players)).rows else { panic!("players") };
    let players = rows.into_iter().map(|row| Player {
        account: lobby.player(&row.name).expect("listed"),
        name: row.name,
        guest: row.guest,
    });
    let seats = |row: &TableRow| {
        let number = u32::try_from(row.table.0.as_u128() - 0xAB00).expect("small");
        BySeat { first: account(2 * number), second: account(2 * number + 1) }
    };
    let tables = tables(lobby).into_iter().map(|row| Table { accounts: seats(&row), row });
    Snapshot { version, players: players.collect(), tables: tables.collect() }
}

#[test]
fn a_sorted_list_does_what_a_map_does() {
    let mut dice = Dice(91);
    let mut list = Sorted::default();
    let mut map = std::collections::BTreeMap::new();
    for step in 0..20_000_usize {
        let key = dice.below(700);
        let copy = (step % 500 == 0).then(|| (list.clone(), map.clone()));
        match dice.below(5) {
            0 | 1 => {
                list.insert(key, step);
                map.insert(key, step);
            }
            2 | 3 if step % 3_000 > 1_500 => assert_eq!(list.remove(&key), map.remove(&key)),
            _ => {
                if let Some(row) = list.get_mut(&key) {
                    *row += 1;
                }
                if let Some(row) = map.get_mut(&key) {
                    *row += 1;
                }
            }
        }
        assert_eq!((list.len(), list.get(&key)), (map.len(), map.get(&key)));
        if let Some((copy, before)) = copy {
            assert!(copy.iter().eq(before.iter()), "a copy stays as it is");
            assert!(list.iter().eq(map.iter()));
            assert!(list.iter().rev().eq(map.iter().rev()));
            let place = dice.below(800);
            assert!(list.from(place, 25).eq(map.iter().skip(place).take(25)), "from {place} on");
        }
    }
}

#[test]
fn every_page_is_cut_as_from_the_whole_list() {
    let mut dice = Dice(92);
    let changes: Vec<LobbyChange> = (0..400)
        .map(|number| player_in(number, &format!("{}{number}", dice.pick(&["Ann", "otto", "MIRA"]))))
        .chain((0..90).map(|number| {
            let names = (format!("Ann{number}"), format!("otto{number}"));
            table_in(number, (2 * number, &names.0), (2 * number + 1, &names.1))
        }))
        .chain((0..30).map(|number| LobbyChange::TableOut { table: table(3 * number) }))
        .chain((0..50).map(|number| LobbyChange::PlayerOut { account: account(7 * number) }))
        .collect();
    let lobby = after(&changes);
    for list in [LobbyList::Players, LobbyList::Tables] {
        for search in ["", "an", "TTO", "1", "nobody"] {
            for free_only in [false, true] {
                let asked = |page| LobbyQuery { list, search: search.to_owned(), free_only, page };
                let first = lobby.page(&asked(0));
                let pages = (first.matching as usize).div_ceil(LOBBY_PAGE).max(1);
                let mut all: Vec<String> = Vec::new();
                for page in 0..pages {
                    let shown = lobby.page(&asked(u32::try_from(page).expect("small")));
                    assert_eq!(shown.query.page as usize, page);
                    all.extend(names(&shown));
                }
                assert_eq!(all.len(), first.matching as usize, "{list:?} {search} {free_only}");
                let last = lobby.page(&asked(u32::MAX));
                assert_eq!(last.query.page as usize, pages - 1);
                assert!(all.ends_with(&names(&last)));
                if let LobbyList::Players = list {
                    let folded: Vec<String> = all.iter().map(|name| name.to_lowercase()).collect();
                    assert!(
                        folded.is_sorted() && folded.iter().all(|name| name.contains(&search.to_lowercase()))
                    );
                    let free = all.len();
                    assert!(!free_only || !search.is_empty() || free == 350 - seated(&lobby), "{free}");
                }
            }
        }
    }
}

/// Online players who sit at a table.
fn seated(lobby: &Lobby) -> usize {
    (0..400).filter(|number| is_online(*number) && lobby.seat_of(account(*number)).is_some()).count()
}

fn is_online(number: u32) -> bool {
    !number.is_multiple_of(7) || number >= 350
}
