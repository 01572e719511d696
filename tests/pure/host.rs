//! The host of a table, input by input.

use std::time::Duration;

use nineflags::host::{
    Acted, Command, Facts, Host, Input, Member, Mover, Output, Refusal, Reply, SeatAsk, Settings, TableInfo,
    Ticket,
};
use nineflags::ids::{AccountId, NodeId, SessionId};
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::table::copy::Copy;
use nineflags::table::record::KINDS;
use uuid::Uuid;

use crate::model::dice::Dice;
use crate::model::game::{legal, request, start, table};

fn account(seat: Seat) -> AccountId {
    AccountId(Uuid::from_u128(1 + seat as u128))
}

fn session(seat: Seat) -> SessionId {
    SessionId(Uuid::from_u128(11 + seat as u128))
}

fn facts(now_ms: u64, is_backup_away: bool) -> Facts {
    Facts {
        now: Duration::from_millis(now_ms),
        now_ms,
        is_backup_away,
        is_data_away: is_backup_away,
        is_apart: false,
        ends_apart: false,
        kinds_known: KINDS,
        knows_old_nodes: false,
    }
}

/// A host whose two players are here, with its game's first record.
fn host() -> Host {
    let mut dice = Dice(5);
    let mut copy = Copy::open(table());
    let begin = copy.propose_start(&request("start"), start(&mut dice));
    copy.accept(0, &begin.entries);
    let names = copy.start().expect("a start").names.clone();
    let info = TableInfo {
        accounts: BySeat { first: account(Seat::First), second: account(Seat::Second) },
        names,
        start: begin.entries[0].record.to_string(),
        resume: false,
        away_since_ms: BySeat { first: None, second: None },
        watchers: 0,
        shard: 0,
        made_ms: "1".to_owned(),
    };
    let settings = Settings {
        node: NodeId(Uuid::from_u128(7)),
        is_only_node: false,
        away_win_ms: 60_000,
        abandoned_ms: 60_000,
        provisional_limit: Duration::from_mins(1),
        without: Vec::new(),
    };
    let mut host = Host::new(table(), settings, info);
    let (reading, command) = asked(&host.handle(&facts(1, false), Input::Open)).expect("a question");
    assert!(matches!(command, Command::Read));
    host.handle(&facts(2, false), Input::Reply(reading, Reply::Entries(copy.entries().to_vec())));
    for seat in Seat::BOTH {
        let member = Member { session: session(seat), account: account(seat), keeps_view: false };
        host.handle(&facts(3, false), Input::Join(member, 0));
    }
    host
}

fn asked(outputs: &[Output]) -> Option<(u64, Command)> {
    outputs.iter().find_map(|output| match output {
        Output::Ask(exchange, command) => Some((*exchange, command.clone())),
        _ => None,
    })
}

fn acted(outputs: &[Output], ticket: Ticket) -> Option<&Result<Acted, Refusal>> {
    outputs.iter().find_map(|output| match output {
        Output::Act(of, acted) if *of == ticket => Some(acted),
        _ => None,
    })
}

/// What the seat on turn asks next.
fn next(host: &Host, id: &str, ticket: Ticket) -> Input {
    let game = host.chain().known_game().expect("a game");
    let seat = game.turn().expect("a running game");
    let mover = Mover { account: account(seat), session: session(seat) };
    let asks = SeatAsk::Moves(host.tip(), legal(&game, &mut Dice(3)));
    Input::Ask(mover, request(id), asks, ticket)
}

#[test]
fn a_move_does_not_wait_until_a_stream_is_read_that_is_away() {
    let mut host = host();
    let input = next(&host, "one", 1);
    let (append, _) = asked(&host.handle(&facts(100, false), input)).expect("an append");
    let outputs = host.handle(&facts(800, false), Input::Reply(append, Reply::Failed { may_pass: true }));
    assert!(matches!(acted(&outputs, 1), Some(Ok(Acted { unsaved: true, .. }))), "{outputs:?}");

    let outputs = host.handle(&facts(1_300, false), Input::Wake);
    assert!(matches!(asked(&outputs), Some((_, Command::Read))), "it is tried to write it: {outputs:?}");
    let input = next(&host, "two", 2);
    assert!(
        acted(&host.handle(&facts(1_400, false), input), 2).is_none(),
        "the stream may hold another record"
    );
    let outputs = host.handle(&facts(1_500, true), Input::BackupChanged);
    assert!(matches!(acted(&outputs, 2), Some(Ok(Acted { unsaved: true, .. }))), "{outputs:?}");
}

#[test]
fn looks_and_joins_are_answered_while_an_append_is_in_flight() {
    let mut host = host();
    let input = next(&host, "one", 1);
    assert!(matches!(asked(&host.handle(&facts(100, false), input)), Some((_, Command::Append(..)))));
    let outputs = host.handle(&facts(110, false), Input::Look(account(Seat::First), 2));
    assert!(matches!(&outputs[..], [Output::View(2, Some(_))]), "{outputs:?}");
    let watcher = Member {
        session: SessionId(Uuid::from_u128(99)),
        account: AccountId(Uuid::from_u128(98)),
        keeps_view: true,
    };
    let outputs = host.handle(&facts(120, false), Input::Join(watcher, 3));
    assert!(outputs.iter().any(|output| matches!(output, Output::Joined(3, ..))), "{outputs:?}");
    let outputs = host.handle(&facts(130, false), Input::Leave(watcher.session));
    assert!(asked(&outputs).is_none_or(|(_, command)| matches!(command, Command::Watch(_))), "{outputs:?}");
}

#[test]
fn a_table_at_which_nothing_happens_asks_for_no_wake_up() {
    let mut host = host();
    // Who watches is counted once more.
    host.handle(&facts(600, false), Input::Wake);
    assert_eq!(host.wake_at(), None);
    let input = next(&host, "one", 1);
    host.handle(&facts(700, false), input);
    assert_eq!(host.wake_at(), None, "the answer wakes it");
}
