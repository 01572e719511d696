//! What holds in every game, whatever is played: thousands of random games beside a second, simpler book-keeping.

use std::collections::{BTreeMap, BTreeSet};

use nineflags::rules::card::{Card, Deck, Tactic, TacticKind, Troop};
use nineflags::rules::flag::{Flag, FlagIndex};
use nineflags::rules::game::{ClaimTiming, EndReason, Environment, Game, Options, Phase, Tactics};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::{BySeat, Seat};

use crate::dice::Dice;
use crate::random_play::{RandomPlay, all_options, decks};

/// Games of each set of options.
const GAMES: u64 = 150;

/// What a careful watcher who may look into the decks writes down.
struct Books {
    options: Options,
    troops: Vec<Card>,
    tactics: Vec<Card>,
    tactics_played: BySeat<i32>,
    leaders_played: BySeat<u32>,
    last_placer: [Option<Seat>; 9],
    passed: bool,
}

impl Books {
    fn new(options: Options, mut dice: Dice) -> Self {
        let decks = decks(&mut dice);
        let tactics = decks.tactics.iter().rev().map(|tactic| Card::from(*tactic)).collect();
        Self {
            options,
            troops: decks.troops[14..].iter().rev().map(|troop| Card::from(*troop)).collect(),
            tactics: if options.tactics == Tactics::On { tactics } else { Vec::new() },
            tactics_played: BySeat::default(),
            leaders_played: BySeat::default(),
            last_placer: [None; 9],
            passed: false,
        }
    }

    /// Writes down a move that was made, `game` being the position after it.
    fn add(&mut self, seat: Seat, mv: Move, game: &Game) {
        match mv {
            Move::Place { card, flag } => {
                let tactic = card.tactic();
                self.tactics_played[seat] += i32::from(tactic.is_some());
                self.leaders_played[seat] += u32::from(tactic.is_some_and(Tactic::is_leader));
                if tactic.map(Tactic::kind) != Some(TacticKind::Environment) {
                    self.last_placer[flag.place()] = Some(seat);
                }
            }
            Move::Traitor { flag, .. } => {
                self.tactics_played[seat] += 1;
                self.last_placer[flag.place()] = Some(seat);
            }
            Move::Redeploy { card, to } => {
                self.tactics_played[seat] += 1;
                let laid = card.tactic().map(Tactic::kind) != Some(TacticKind::Environment);
                if let Some(flag) = to.filter(|_| laid) {
                    self.last_placer[flag.place()] = Some(seat);
                }
            }
            Move::Deserter { .. } | Move::Scout => self.tactics_played[seat] += 1,
            Move::Draw(deck) => {
                let top = if deck == Deck::Troops { self.troops.pop() } else { self.tactics.pop() };
                assert_eq!(game.hand(seat).last(), top, "the top card is drawn");
            }
            Move::Return { under, top } => {
                for card in [Some(under), top].into_iter().flatten() {
                    if card.troop().is_some() { self.troops.push(card) } else { self.tactics.push(card) }
                }
            }
            Move::Claim(_) | Move::Pass | Move::End | Move::Resign => {}
        }
        self.passed = mv == Move::Pass;
    }

    fn check(&self, game: &Game) {
        self.check_cards(game);
        let view = game.open_view();
        for seat in Seat::BOTH {
            assert_eq!(i32::from(view.tactics_played[seat]), self.tactics_played[seat]);
            assert_eq!(u32::from(view.leader_played[seat]), self.leaders_played[seat], "at most one leader");
            let held = game.hand(seat).count();
            let scouts = matches!(game.phase(), Phase::ScoutDraw | Phase::ScoutReturn);
            let most = if scouts && game.turn() == Some(seat) { 9 } else { 7 };
            assert!(held <= most, "{seat} holds {held}");
            if game.turn() != Some(seat) && game.ending().is_none() {
                assert!(held == 7 || self.troops.len() + self.tactics.len() == 0, "who could draw has drawn");
            }
        }
        assert!((self.tactics_played.first - self.tactics_played.second).abs() <= 1);
        for flag in FlagIndex::all() {
            self.check_flag(game.flag(flag), flag);
        }
    }

    fn check_flag(&self, flag: &Flag, index: FlagIndex) {
        assert_eq!(flag.last_placer, self.last_placer[index.place()]);
        let mud_may_leave = self.options.environment == Environment::Removable;
        for seat in Seat::BOTH {
            assert!(flag.cards[seat].len() <= if mud_may_leave { 4 } else { usize::from(flag.slots()) });
        }
        assert_eq!(flag.slots(), if flag.has(Tactic::Mud) { 4 } else { 3 });
    }

    /// All 70 cards are somewhere, each once, and the unplayed troops are those that lie face up nowhere.
    fn check_cards(&self, game: &Game) {
        let view = game.open_view();
        let mut face_up: Vec<Card> = Vec::new();
        for seat in Seat::BOTH {
            for flag in &view.flags {
                face_up.extend(flag.cards[seat].iter().copied());
                face_up.extend(flag.environment[seat].iter().map(|tactic| Card::from(*tactic)));
            }
            face_up.extend(view.discards[seat].iter().copied());
            face_up.extend(view.guile[seat].iter().map(|tactic| Card::from(*tactic)));
        }
        let unplayed: BTreeSet<Card> =
            Troop::all().map(Card::from).filter(|card| !face_up.contains(card)).collect();
        assert!(game.unplayed().iter().map(Card::from).eq(unplayed), "unplayed is what lies face up nowhere");
        let held = Seat::BOTH.into_iter().flat_map(|seat| game.hand(seat));
        let all: Vec<Card> = face_up.iter().copied().chain(held).chain(self.troops.iter().copied()).collect();
        let all: Vec<Card> = all.into_iter().chain(self.tactics.iter().copied()).collect();
        let expected = if self.options.tactics == Tactics::On { 70 } else { 60 };
        assert_eq!(all.len(), expected);
        assert_eq!(
            all.into_iter().collect::<BTreeSet<Card>>().len(),
            expected,
            "each card is somewhere once"
        );
        assert_eq!(
            (game.left(Deck::Troops), game.left(Deck::Tactics)),
            (self.troops.len(), self.tactics.len())
        );
    }
}

/// A winner is found only in the move that claims, and only for the one who makes it.
fn check_ending(before: &Game, seat: Seat, mv: Move, after: &Game, passed: bool) {
    let Some(ending) = after.ending() else {
        assert!(!(mv == Move::Pass && passed), "two passes end it");
        return;
    };
    match ending.reason {
        EndReason::Breakthrough | EndReason::Envelopment => {
            assert!(matches!(mv, Move::Claim(_)));
            assert_eq!(ending.winner, Some(seat), "only the mover wins");
            assert_eq!(meets(after, seat), Some(ending.reason));
            assert_eq!(meets(before, seat), None, "the game ends at once");
        }
        EndReason::StandOff => {
            assert!(mv == Move::Pass && passed);
            check_stand_off(before, after);
        }
        EndReason::Resignation | EndReason::Absence => panic!("nobody resigned"),
    }
    assert_eq!((after.turn(), after.phase()), (None, Phase::Over));
}

fn meets(game: &Game, seat: Seat) -> Option<EndReason> {
    let owners = game.owners();
    let run = (0..7).any(|left| owners[left..left + 3].iter().all(|owner| *owner == Some(seat)));
    let five = owners.iter().filter(|owner| **owner == Some(seat)).count() >= 5;
    if run { Some(EndReason::Breakthrough) } else { five.then_some(EndReason::Envelopment) }
}

/// D14, written down a second time.
fn check_stand_off(before: &Game, after: &Game) {
    for index in FlagIndex::all() {
        let flag = before.flag(index);
        let BySeat { first, second } = BySeat::make(|seat| flag.formation(seat));
        let expected = flag.owner.or(match () {
            () if first > second => Some(Seat::First),
            () if first < second => Some(Seat::Second),
            () if first.is_some() => flag.last_placer.map(Seat::other),
            () => None,
        });
        assert_eq!(after.flag(index).owner, expected);
    }
    let flags = |seat| after.owners().iter().filter(|owner| **owner == Some(seat)).count();
    let (first, second) = (flags(Seat::First), flags(Seat::Second));
    let expected = match (meets(after, Seat::First), meets(after, Seat::Second)) {
        (Some(_), None) => Some(Seat::First),
        (None, Some(_)) => Some(Seat::Second),
        _ if first == second => None,
        _ => Some(if first > second { Seat::First } else { Seat::Second }),
    };
    assert_eq!(after.ending().expect("an ending").winner, expected);
}

/// Once a flag is won, nothing there changes.
fn check_frozen(before: &Game, after: &Game) {
    for flag in FlagIndex::all().filter(|flag| before.flag(*flag).owner.is_some()) {
        assert_eq!(format!("{:?}", before.flag(flag)), format!("{:?}", after.flag(flag)));
    }
}

/// When a claim may be made at all.
fn check_timing(game: &Game, mv: Move) {
    if let Move::Claim(_) = mv {
        assert!(match game.options().claim_timing {
            ClaimTiming::Any => matches!(game.phase(), Phase::Play | Phase::Draw | Phase::End),
            ClaimTiming::TurnStart => game.phase() == Phase::Play,
        });
    }
}

/// Plays one game and checks it all the way; gives the moves made.
fn check_game(options: Options, seed: u64, claims: u32) -> (Vec<(Seat, Move)>, Game) {
    let mut play = RandomPlay::new(options, Dice::new(seed));
    play.claims = claims;
    let mut books = Books::new(options, Dice::new(seed));
    let mut moves = Vec::new();
    loop {
        books.check(&play.game);
        let before = play.game.clone();
        let Some((seat, mv)) = play.step() else { break };
        check_timing(&before, mv);
        check_ending(&before, seat, mv, &play.game, books.passed);
        check_frozen(&before, &play.game);
        books.add(seat, mv, &play.game);
        moves.push((seat, mv));
    }
    (moves, play.game)
}

fn check_options(options: Options) {
    let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..GAMES {
        // Some players never claim: then the line fills up and both pass.
        let claims = [7, 7, 3, 0][usize::try_from(seed % 4).expect("small")];
        let (_, game) = check_game(options, seed, claims);
        let ending = game.ending().expect("every game ends");
        *reasons.entry(format!("{:?}", ending.reason)).or_default() += 1;
    }
    eprintln!("{options:?}: {reasons:?}");
    let seen = |reason: &str| reasons.contains_key(reason);
    assert!(seen("Breakthrough") && seen("Envelopment") && seen("StandOff"), "{reasons:?}");
}

macro_rules! for_each_of_the_options {
    ($($name:ident $number:literal),*) => {$(
        #[test]
        fn $name() {
            check_options(all_options()[$number]);
        }
    )*

        #[test]
        fn all_options_are_checked() {
            assert_eq!([$($number),*].len(), all_options().len());
        }
    };
}

for_each_of_the_options! {
    tactics_any_fixed_hold 0,
    tactics_any_removable_hold 1,
    tactics_turn_start_fixed_hold 2,
    tactics_turn_start_removable_hold 3,
    troops_only_any_fixed_hold 4,
    troops_only_any_removable_hold 5,
    troops_only_turn_start_fixed_hold 6,
    troops_only_turn_start_removable_hold 7
}

#[test]
fn a_game_written_down_replays_exactly() {
    for (number, options) in all_options().into_iter().enumerate() {
        for seed in 0..20 {
            let (moves, end) = check_game(options, seed, 7);
            let mut again = Game::start(options, &decks(&mut Dice::new(seed)));
            for (seat, mv) in moves {
                let text = mv.to_string();
                let parsed: Move = text.parse().unwrap_or_else(|_| panic!("{text} is read again"));
                assert_eq!(parsed, mv);
                again.play(seat, parsed).unwrap_or_else(|illegal| panic!("{number}: {text}: {illegal}"));
            }
            assert_eq!(format!("{again:?}"), format!("{end:?}"));
        }
    }
}

#[test]
fn troops_only_has_no_tactics_cards_and_never_gets_stuck_with_claims() {
    let options = all_options()[4];
    for seed in 0..300 {
        let mut play = RandomPlay::new(options, Dice::new(seed));
        play.claims = 8;
        play.finish();
        let ending = play.game.ending().expect("it ends");
        assert_ne!(ending.reason, EndReason::StandOff, "D19: game {seed}");
    }
}
