//! Twin games: equal in all that one viewer may know, different in what is hidden from him.

use std::collections::{BTreeMap, BTreeSet};

use nineflags::rules::card::{Card, Deck, Decks, Tactic, Troop};
use nineflags::rules::game::{Game, Options, Phase};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;

use crate::dice::Dice;
use crate::random_play::{RandomPlay, all_options, decks};

/// Who may look.
pub const VIEWERS: [Viewer; 3] = [Viewer::First, Viewer::Second, Viewer::Watcher];

/// What somebody sees of a game, as text.
pub type Look = fn(&Game, Viewer) -> String;

/// A game up to some record before its end.
pub struct Played {
    /// The rules.
    pub options: Options,
    /// Both decks as they were at the start.
    pub decks: Decks,
    /// What was done.
    pub moves: Vec<(Seat, Move)>,
}

impl Played {
    /// A random game; the end shows everything, so it stops before.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0xbeef);
        let options = if dice.happens(1, 2) { Options::default() } else { dice.pick(&all_options()) };
        let mut play = RandomPlay::new(options, Dice::new(seed));
        play.claims = dice.pick(&[7, 7, 0]);
        let mut moves: Vec<(Seat, Move)> = std::iter::from_fn(|| play.step()).collect();
        // The last move is left out, and often more than that.
        let end = moves.len() - 1;
        moves.truncate(if dice.happens(1, 2) { end } else { dice.place(end) });
        Self { options, decks: decks(&mut Dice::new(seed)), moves }
    }

    /// A random game that stops in this phase, if it comes to that.
    pub fn random_in(seed: u64, phase: Phase) -> Self {
        let mut played = Self::random(seed);
        let mut game = Game::start(played.options, &played.decks);
        let mut stops = Vec::new();
        for (number, (seat, mv)) in played.moves.iter().enumerate() {
            game.play(*seat, *mv).unwrap_or_else(|illegal| panic!("{mv}: {illegal}"));
            stops.extend((game.phase() == phase).then_some(number + 1));
        }
        if !stops.is_empty() {
            played.moves.truncate(Dice::new(seed).pick(&stops));
        }
        played
    }

    /// Plays it once more and collects what `look` sees after each move.
    pub fn looks(&self, viewer: Viewer, look: Look) -> Vec<String> {
        let mut game = Game::start(self.options, &self.decks);
        let mut seen = vec![look(&game, viewer)];
        for (seat, mv) in &self.moves {
            game.play(*seat, *mv).unwrap_or_else(|illegal| panic!("{mv}: {illegal}"));
            seen.push(format!("{} {}", mv.seen_by(*seat, viewer, false), look(&game, viewer)));
        }
        seen
    }

    /// The cards that a viewer has ever seen: his own hand after each of the first `saved` moves, and all that lay face up.
    fn seen(&self, viewer: Viewer, saved: usize) -> BTreeSet<Card> {
        let mut game = Game::start(self.options, &self.decks);
        let mut seen = BTreeSet::new();
        let own = |game: &Game| viewer.seat().map_or(Vec::new(), |seat| game.hand(seat).collect());
        seen.extend(own(&game));
        for (number, (seat, mv)) in self.moves.iter().enumerate() {
            game.play(*seat, *mv).unwrap_or_else(|illegal| panic!("{mv}: {illegal}"));
            if number < saved {
                seen.extend(own(&game));
            }
            match mv {
                Move::Place { card, .. } => seen.extend([*card]),
                Move::Deserter { .. } => seen.extend([Card::from(Tactic::Deserter)]),
                Move::Traitor { .. } => seen.extend([Card::from(Tactic::Traitor)]),
                Move::Redeploy { .. } => seen.extend([Card::from(Tactic::Redeploy)]),
                Move::Scout => seen.extend([Card::from(Tactic::Scout)]),
                _ => {}
            }
        }
        seen
    }

    /// The same game with the cards a viewer has never seen exchanged among themselves, those with the same back.
    pub fn twin(&self, viewer: Viewer, dice: &mut Dice) -> Self {
        self.twin_saved(viewer, self.moves.len(), dice)
    }

    /// The same, where only so many moves are saved: what was drawn after them is hidden from everybody.
    pub fn twin_saved(&self, viewer: Viewer, saved: usize, dice: &mut Dice) -> Self {
        let seen = self.seen(viewer, saved);
        let mut other: BTreeMap<Card, Card> = BTreeMap::new();
        for deck in Deck::BOTH {
            let all = Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from));
            let hidden: Vec<Card> = all.filter(|card| card.deck() == deck && !seen.contains(card)).collect();
            let mut order = hidden.clone();
            dice.shuffle(&mut order);
            other.extend(hidden.into_iter().zip(order));
        }
        let swap = |card: Card| other.get(&card).copied().unwrap_or(card);
        let swapped = |mv: Move| match mv {
            Move::Return { under, top } => Move::Return { under: swap(under), top: top.map(swap) },
            mv => mv,
        };
        Self {
            options: self.options,
            decks: Decks {
                troops: self.decks.troops.iter().filter_map(|troop| swap((*troop).into()).troop()).collect(),
                tactics: self
                    .decks
                    .tactics
                    .iter()
                    .filter_map(|tactic| swap((*tactic).into()).tactic())
                    .collect(),
            },
            moves: self.moves.iter().map(|(seat, mv)| (*seat, swapped(*mv))).collect(),
        }
    }
}
