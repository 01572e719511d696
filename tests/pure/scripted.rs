//! Games played from chosen decks in the notation, for tests that tell a story.

use nineflags::rules::card::{Card, Deck, Decks, Tactic, Troop};
use nineflags::rules::flag::{Flag, FlagIndex, Formation};
use nineflags::rules::game::{Game, Options, Phase};
use nineflags::rules::illegal::Illegal;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;

use crate::vectors::parsed;

/// A game and the moves that somebody writes down.
pub struct Scripted {
    /// The game so far.
    pub game: Game,
}

impl Scripted {
    /// Deals two hands and lays the tactics deck, first card on top; what is not named follows in order.
    pub fn new(options: Options, first: &str, second: &str, tactics: &str) -> Self {
        Self::with_troops(options, first, second, "", tactics)
    }

    /// The same with the top of the troop deck chosen too.
    pub fn with_troops(options: Options, first: &str, second: &str, troops: &str, tactics: &str) -> Self {
        let named: Vec<Troop> = [first, second, troops].into_iter().flat_map(cards).collect();
        let mut decks = Decks { troops: named.clone(), tactics: cards(tactics).collect() };
        decks.troops.extend(Troop::all().filter(|troop| !named.contains(troop)));
        let rest: Vec<Tactic> =
            Tactic::ALL.into_iter().filter(|tactic| !decks.tactics.contains(tactic)).collect();
        decks.tactics.extend(rest);
        decks.check().expect("each card once");
        assert_eq!([first, second].map(|hand| hand.split(' ').count()), [7, 7]);
        Self { game: Game::start(options, &decks) }
    }

    /// Makes moves for whoever is on turn. A draw that is not written is one from the troops, and `end` need not be
    /// written.
    pub fn play(&mut self, moves: &str) -> &mut Self {
        for text in moves.split(", ") {
            self.go_on(text);
            let seat = self.seat();
            self.game.play(seat, parsed(text)).unwrap_or_else(|illegal| panic!("{seat}, {text}: {illegal}"));
        }
        self
    }

    /// Draws or ends the turn if what follows is not a part of it.
    fn go_on(&mut self, next: &str) {
        let seat = self.seat();
        let part = ["draw", "claim", "end", "resign"].iter().any(|verb| next.starts_with(verb));
        let mv = match self.game.phase() {
            Phase::Draw if !part && self.game.left(Deck::Troops) > 0 => Move::Draw(Deck::Troops),
            Phase::Draw if !part => Move::Draw(Deck::Tactics),
            Phase::End if !part => Move::End,
            _ => return,
        };
        self.game.play(seat, mv).unwrap_or_else(|illegal| panic!("{seat}, {mv}: {illegal}"));
    }

    /// The seat on turn.
    pub fn seat(&self) -> Seat {
        self.game.turn().expect("the game goes on")
    }

    /// Sees a move refused, and that nothing changes.
    pub fn refused(&mut self, text: &str) -> Illegal {
        self.go_on(text);
        let before = format!("{:?}", self.game);
        let seat = self.seat();
        let illegal = self.game.play(seat, parsed(text)).expect_err("the move is refused");
        assert_eq!(format!("{:?}", self.game), before, "{text}: a refused move changes nothing");
        illegal
    }

    /// Whether a move would be accepted.
    pub fn may(&self, text: &str) -> bool {
        self.game.clone().play(self.seat(), parsed(text)).is_ok()
    }

    /// All legal moves that begin so.
    pub fn legal(&self, beginning: &str) -> Vec<String> {
        let mut moves = Vec::new();
        self.game.legal_moves(&mut moves);
        let texts = moves.iter().map(ToString::to_string);
        texts.filter(|text| text.starts_with(beginning)).collect()
    }

    /// One flag.
    pub fn flag(&self, place: u8) -> &Flag {
        self.game.flag(FlagIndex::new(place).expect("a flag"))
    }

    /// The formation of a side of a flag, as `wedge 27`.
    pub fn formation(&self, place: u8, seat: Seat) -> Option<String> {
        self.flag(place).formation(seat).map(written)
    }

    /// The cards of a hand.
    pub fn hand(&self, seat: Seat) -> Vec<Card> {
        self.game.hand(seat).collect()
    }
}

/// A formation as `wedge 27`.
pub fn written(formation: Formation) -> String {
    format!("{} {}", formation.kind.name(), formation.sum)
}

/// Several cards, written with spaces between them.
pub fn cards<T: std::str::FromStr>(text: &str) -> impl Iterator<Item = T> {
    text.split_whitespace().map(parsed)
}
