//! The judge of `nineflags-tools load` finds nothing in an honest game, and everything that was tampered with.

use nineflags::ids::{AccountId, RequestId, TableId};
use nineflags::protocol::{TableView, Update, viewer_of};
use nineflags::rules::card::Decks;
use nineflags::rules::game::{EndReason, Game};
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::rules::view::Viewer;
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::{Answer, Copy, Effect, Intent};
use nineflags::table::options::TableOptions;
use nineflags::table::record::{Entry, Hash, Record, Start, Tip};
use nineflags_tools::load::choice::{Dice, choose};
use nineflags_tools::load::frame::{self, Heard, Tables};
use nineflags_tools::load::history::History;
use nineflags_tools::load::judge::{Archived, Shown, Sitting, check_sittings, judge, print};
use nineflags_tools::load::memory::{Refused, Seen, Witness};
use serde_json::value::RawValue;

/// A game that was played, and what its players and a watcher remember of it.
struct Played {
    archived: Archived,
    first: Witness,
    second: Witness,
    watcher: Witness,
}

impl Played {
    /// Plays a whole random game.
    fn honestly() -> Self {
        let mut dice = Dice::new(4);
        let mut copy = start(&mut dice);
        let table = copy.table();
        let mut witnesses = ["Ann", "Mira", "Watcher"].map(|who| Witness::new(table, who));
        show(&copy, &mut witnesses);
        for number in 0.. {
            let Some(turn) = copy.game().and_then(Game::turn) else { break };
            let (view, _) = copy.view(viewer_of(Some(turn))).expect("a view");
            let moves = choose(&view, &mut dice).expect("choices");
            let request: RequestId = format!("r-{number}").parse().expect("an id");
            append(&mut copy, turn, &request, &moves, 1_000 + number);
            let witness = &mut witnesses[usize::from(turn == Seat::Second)];
            witness.done(request, &copy.tip(), moves);
            show(&copy, &mut witnesses);
        }
        let [first, second, watcher] = witnesses;
        Self { archived: archived(&copy), first, second, watcher }
    }

    fn violations(&self) -> Vec<String> {
        let witnesses = [self.first.clone(), self.second.clone(), self.watcher.clone()];
        judge(&self.archived, &witnesses).violations
    }

    /// What is found says so in these words.
    fn check(&self, words: &str) {
        let violations = self.violations();
        assert!(violations.iter().any(|found| found.contains(words)), "no `{words}` in {violations:#?}");
    }

    /// The archive holds other records, chained as if they had been accepted.
    fn rewrite(&mut self, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut entries = self.archived.game.entries.clone();
        change(&mut entries);
        let mut hash = Hash::default();
        for (number, entry) in (0..).zip(&mut entries) {
            hash = entry.hash_after(&hash, number).expect("its id is there");
            entry.hash = hash.clone();
        }
        self.archived.game.entries = entries;
    }
}

fn start(dice: &mut Dice) -> Copy {
    let below = |bound: u32| u32::try_from(dice.below(bound as usize)).expect("small");
    let start = Start {
        game: TableId::random(),
        accounts: BySeat { first: AccountId::random(), second: AccountId::random() },
        names: BySeat { first: "Ann".parse().expect("a name"), second: "Mira".parse().expect("a name") },
        options: TableOptions::default(),
        decks: Decks::shuffled(below),
        nonce: "00".to_owned(),
    };
    let mut copy = Copy::open(start.game);
    let proposal = copy.propose_start(&"start".parse().expect("an id"), start);
    assert_eq!(copy.outcome(proposal, Answer::Appended { time_ms: 1_000 }), Effect::Applied);
    copy
}

fn append(copy: &mut Copy, seat: Seat, request: &RequestId, moves: &[String], time_ms: u64) {
    let moves = moves.iter().map(|text| text.parse().expect("a move")).collect();
    let proposal = copy.propose(seat, request, &Intent::Moves(moves)).expect("what is offered is legal");
    assert_eq!(copy.outcome(proposal, Answer::Appended { time_ms }), Effect::Applied);
}

fn seen(copy: &Copy, viewer: Viewer) -> Seen {
    Seen {
        tip: (&copy.tip()).into(),
        viewer,
        print: print(copy, viewer).expect("a view"),
        provisional: false,
        notices: 0,
    }
}

fn show(copy: &Copy, witnesses: &mut [Witness; 3]) {
    let viewers = [Viewer::First, Viewer::Second, Viewer::Watcher];
    for (witness, viewer) in witnesses.iter_mut().zip(viewers) {
        let ending = copy.game().and_then(Game::ending);
        witness.see(seen(copy, viewer), copy.commitment(), ending);
    }
}

fn archived(whole: &Copy) -> Archived {
    let raw = |text: String| RawValue::from_string(text).expect("JSON");
    let mut copy = Copy::open(whole.table());
    let views = (0..).zip(whole.entries()).map(|(number, entry)| {
        copy.accept(number, std::slice::from_ref(entry));
        raw(serde_json::to_string(&copy.game().expect("a game").open_view()).expect("JSON"))
    });
    let views = views.collect();
    let (_, log) = whole.view(Viewer::Watcher).expect("a view");
    let log = raw(serde_json::to_string(&log).expect("JSON"));
    Archived { game: ArchivedGame::of(whole).expect("a game"), shown: Shown { views, log } }
}

#[test]
fn an_honest_game_is_clean() {
    let played = Played::honestly();
    assert_eq!(played.violations(), Vec::<String>::new());
    let verdict = judge(&played.archived, std::slice::from_ref(&played.watcher));
    assert_eq!(verdict.compared, played.watcher.views.len() as u64);
    assert!(verdict.compared > 50, "a whole game was seen");
}

#[test]
fn a_lost_move_is_seen() {
    let mut played = Played::honestly();
    let lost = played.second.answered[3].request.clone();
    played.rewrite(|entries| entries.retain(|entry| entry.request != lost));
    played.check(&format!("Mira: the acknowledged request {lost}"));
    played.check("does not replay");
    played.check("Watcher: it saw a record");
}

#[test]
fn a_game_cut_short_is_seen() {
    let mut played = Played::honestly();
    played.rewrite(|entries| drop(entries.pop()));
    played.check("it has no end");
    played.check("is lost");
}

#[test]
fn a_doubled_move_is_seen() {
    let mut played = Played::honestly();
    let request = played.first.answered[0].request.clone();
    played.rewrite(|entries| {
        let doubled = entries.iter().find(|entry| entry.request == request).expect("it is there").clone();
        entries.insert(1, doubled);
    });
    played.check("is lost");

    // Made, and acknowledged to nobody, as one of two would be.
    let mut played = Played::honestly();
    played.first.answered.remove(1);
    played.check("was acknowledged to nobody");
}

#[test]
fn an_acknowledged_request_that_became_another_is_seen() {
    let mut played = Played::honestly();
    played.first.answered[1].moves[0] = "pass".to_owned();
    played.check("became");
}

#[test]
fn a_page_without_request_ids_is_judged_alike() {
    let mut played = Played::honestly();
    for entry in &mut played.archived.game.entries {
        entry.request = RequestId::withheld();
    }
    assert_eq!(played.violations(), Vec::<String>::new());
    played.archived.game.entries[5].record = "resign".parse().expect("a move");
    played.check("does not replay");
}

#[test]
fn moves_in_another_order_are_seen() {
    let mut played = Played::honestly();
    played.first.answered.swap(2, 5);
    played.check("is not in the order it was made in");
    let mut played = Played::honestly();
    played.rewrite(|entries| entries.swap(3, 6));
    played.check("does not replay");
}

#[test]
fn an_answer_with_a_wrong_tip_is_seen() {
    let mut played = Played::honestly();
    played.first.answered[4].tip = played.first.answered[5].tip;
    played.check("became");
}

#[test]
fn a_refused_request_that_was_carried_out_is_seen() {
    let mut played = Played::honestly();
    let answered = played.first.answered.remove(1);
    let before = played.first.views.iter().rfind(|seen| seen.tip.number < answered.tip.number);
    let count = u32::try_from(answered.moves.len()).expect("few");
    let before =
        before.filter(|seen| seen.tip.number + count == answered.tip.number).expect("it was shown").tip;
    played.first.refused.push(Refused { request: answered.request, tip: before, moves: answered.moves });
    played.check("Ann: the refused request");
}

#[test]
fn a_view_of_another_branch_is_seen_unless_it_was_told() {
    let mut dice = Dice::new(4);
    let copy = start(&mut dice);
    let mut played = Played::honestly();
    let stray = seen(&copy, Viewer::First);
    played.first.views.insert(1, stray);
    played.check("that is not in the final chain");

    // Two records lost at a failover, and the notice that says so.
    let mut played = Played::honestly();
    let lost = Tip { number: 7, hash: "00".repeat(16).parse().expect("a hash") };
    let at = played.first.views.iter().position(|seen| seen.tip.number >= 6).expect("a view");
    let mut told = Witness::new(played.first.table, "Ann");
    for seen in &played.first.views[..at] {
        told.see(*seen, &played.first.commitment, None);
    }
    told.see(Seen { tip: (&lost).into(), ..stray }, &played.first.commitment, None);
    told.done("lost".parse().expect("an id"), &lost, vec!["pass".to_owned()]);
    played.first = told.clone();
    played.check("the acknowledged request lost");
    played.check("it saw a record 7");
    told.hear_went_back(None);
    told.see(played.watcher.views[0], &told.commitment.clone(), None);
    told.views.clear();
    assert_eq!((told.went_back, told.answered.len()), (1, 0));
    assert!(told.taken_back >= 2);
    played.first = told;
    assert_eq!(played.violations(), Vec::<String>::new());
}

#[test]
fn a_notice_after_the_older_view_takes_back_what_was_ahead_of_it() {
    let played = Played::honestly();
    let mut witness = Witness::new(played.first.table, "Ann");
    for seen in &played.first.views[..10] {
        witness.see(*seen, &played.first.commitment, None);
    }
    let older = played.first.views[4];
    witness.see(older, &played.first.commitment, None);
    witness.hear_went_back(None);
    let tips = |views: &[Seen]| views.iter().map(|seen| seen.tip).collect::<Vec<_>>();
    assert_eq!(tips(&witness.views), tips(&played.first.views[..5]));
}

#[test]
fn a_notice_takes_back_what_was_seen_of_another_chain_although_the_game_is_further_now() {
    let mut played = Played::honestly();
    let Played { first, watcher, .. } = &played;
    let unlike = |seen: &Seen| {
        let hash = format!("{:032}", seen.tip.number).parse().expect("a hash");
        Seen { tip: (&Tip { number: seen.tip.number, hash }).into(), ..*seen }
    };
    let commitment = first.commitment.clone();
    let told = |after: Option<usize>, to: Option<u32>| {
        let mut told = Witness::new(first.table, "Mira");
        for (place, seen) in watcher.views[..9].iter().enumerate() {
            let seen =
                if (5..8).contains(&place) || place == 8 && after.is_none() { unlike(seen) } else { *seen };
            told.see(seen, &commitment, None);
        }
        // Others went on from the fifth, and are further than it was.
        told.hear_went_back(to);
        told.see(watcher.views[after.unwrap_or(12)], &commitment, None);
        told
    };
    let [fourth, fifth, sixth] = [3, 4, 5].map(|place: usize| watcher.views[place].tip.number);
    let undone = [told(None, None), told(None, Some(fifth)), told(None, Some(fourth))];
    let torn = [told(Some(12), None), told(None, Some(sixth))];
    for undone in undone {
        played.watcher = undone;
        assert_eq!(played.violations(), Vec::<String>::new());
    }
    // One of the same time that is in the chain after those that are not, or one that was not undone: no notice
    // explains that.
    for torn in torn {
        played.watcher = torn;
        played.check("that is not in the final chain");
    }
}

#[test]
fn a_watcher_who_leaves_what_is_unsaved_may_have_seen_what_never_counted() {
    let mut played = Played::honestly();
    let Played { first, watcher, .. } = &played;
    let commitment = first.commitment.clone();
    let saw = |unsaved_from: usize| {
        let tip = |place: usize| watcher.views[place].tip.number;
        let mut witness = Witness::new(first.table, "Mira");
        for (place, seen) in watcher.views[..9].iter().enumerate() {
            let hash = format!("{:032}", seen.tip.number).parse().expect("a hash");
            let other = Seen { tip: (&Tip { number: seen.tip.number, hash }).into(), ..*seen };
            let seen = if place < 5 { *seen } else { other };
            witness.see(seen, &commitment, None);
            let (number, hash) = (seen.tip.number, Hash::default());
            let unsaved = if place < unsaved_from { 0 } else { number - tip(unsaved_from - 1) };
            witness.hear_how_safe(&Tip { number, hash }, unsaved, 0);
        }
        witness
    };
    let [mut left, stayed, mut accepted, mut saved] = [saw(5), saw(5), saw(6), saw(5)];
    saved.hear_saved(watcher.views[6].tip.number);
    for leaves in [&mut left, &mut accepted, &mut saved] {
        leaves.leave();
    }
    played.watcher = left;
    assert_eq!(played.violations(), Vec::<String>::new());
    for witness in [stayed, accepted, saved] {
        played.watcher = witness;
        played.check("that is not in the final chain");
    }
}

#[test]
fn a_leaked_card_is_seen() {
    // The second seat is shown what only the first may see.
    let mut played = Played::honestly();
    let own = played.first.views[10];
    let others = played.second.views.iter_mut().find(|seen| seen.tip == own.tip).expect("both saw it");
    others.print = own.print;
    played.check("Mira: the view for Second after");

    // A watcher is shown an open hand: seen at once, without the records.
    let copy = start(&mut Dice::new(9));
    let shown = |viewer| {
        let (view, log) = copy.view(viewer).expect("a view");
        let table = TableView {
            table: copy.table(),
            tip: copy.tip(),
            saved: 1,
            unsaved: 0,
            names: copy.start().expect("a start").names.clone(),
            away_since_ms: BySeat::default(),
            watchers: 0,
            options: TableOptions::default(),
            commitment: copy.commitment().to_owned(),
            started_ms: 0,
            last_ms: 0,
            stopped: false,
            view,
            log,
            sealed: Vec::new(),
        };
        serde_json::to_string(&Update::Table(Box::new(table))).expect("JSON")
    };
    let leak = |text: &str| match frame::read(text, &mut Tables::default()).expect("an update") {
        Heard::Table(heard) => heard.leak,
        other => panic!("no table but {other:?}"),
    };
    assert_eq!(leak(&shown(Viewer::Watcher)), None);
    assert_eq!(leak(&shown(Viewer::First)), None);
    let leaking = shown(Viewer::First).replace("\"viewer\":\"first\"", "\"viewer\":\"watcher\"");
    assert_eq!(leak(&leaking).as_deref(), Some("the first seat's hand is shown"));
}

#[test]
fn a_different_winner_is_seen() {
    let mut played = Played::honestly();
    let ending = played.second.ending.as_mut().expect("an end");
    ending.winner = ending.winner.map(Seat::other);
    played.check("Mira: it was told the end");
    let mut played = Played::honestly();
    played.archived.game.ending.as_mut().expect("an end").reason = EndReason::Absence;
    played.check("says of itself what its records do not say");
}

#[test]
fn other_decks_than_those_committed_to_are_seen() {
    let mut played = Played::honestly();
    played.first.commitment = "0".repeat(64);
    played.check("other decks than those committed to");
    let mut played = Played::honestly();
    played.rewrite(|entries| {
        if let Record::Start(start) = &mut entries[0].record {
            start.decks.troops.swap(20, 40);
        }
    });
    assert!(!played.violations().is_empty());
}

#[test]
fn an_archive_that_shows_another_game_is_seen() {
    let mut played = Played::honestly();
    played.archived.shown.views.swap(5, 9);
    played.check("the archive shows record 5 wrongly");
}

#[test]
fn two_games_at_once_are_seen() {
    let (one, two) = (AccountId::random(), AccountId::random());
    let sitting =
        |account, started_ms, ended_ms| Sitting { account, table: TableId::random(), started_ms, ended_ms };
    let fine = vec![sitting(one, 10, 20), sitting(two, 15, 30), sitting(one, 20, 40)];
    assert_eq!(check_sittings(fine.clone()), Vec::<String>::new());
    let mut both = fine;
    both.push(sitting(two, 29, 50));
    assert_eq!(check_sittings(both).len(), 1);
}

#[test]
fn times_of_a_clock_that_was_wrong_are_not_trusted() {
    let history = History::default();
    assert!(history.trusts(0, u64::MAX));
    history.distrust(100..=200);
    let trusted = [(0, 99), (0, 100), (150, 160), (0, 300), (200, 300), (201, 300)]
        .map(|(from, until)| history.trusts(from, until));
    assert_eq!(trusted, [true, false, false, false, false, true]);
}
