//! The little game of all peers: the shape of a table of Battle Line, and rules enough to refuse what is not allowed.

use serde::Serialize;

use crate::load::choice::Dice;

/// Flags of the line, cards of a hand, cards in all, cards of a side at a flag.
const FLAGS: usize = 9;
const HAND: usize = 7;
const CARDS: u8 = 60;
const A_SIDE: usize = 3;

/// A table's game, which begins anew when all flags are full.
pub struct Game {
    number: u32,
    turn: usize,
    hands: [Vec<u8>; 2],
    flags: [[Vec<u8>; 2]; FLAGS],
    deck: Vec<u8>,
    placed: usize,
    dice: Dice,
}

#[derive(Serialize)]
struct Shown<'a> {
    update: &'static str,
    number: u32,
    turn: usize,
    /// -1 of a watcher.
    seat: i8,
    hand: &'a [u8],
    counts: [usize; 2],
    deck: usize,
    flags: &'a [[Vec<u8>; 2]; FLAGS],
}

impl Default for Game {
    fn default() -> Self {
        let dice = Dice::new(u64::from_le_bytes(nineflags::chance::bytes()));
        let (hands, flags, deck) = Default::default();
        let mut game = Self { number: 0, turn: 0, hands, flags, deck, placed: 0, dice };
        game.deal();
        game
    }
}

impl Game {
    fn deal(&mut self) {
        let mut cards: Vec<u8> = (0..CARDS).collect();
        for last in (1..cards.len()).rev() {
            cards.swap(last, self.dice.below(last + 1));
        }
        self.hands = [cards.split_off(cards.len() - HAND), cards.split_off(cards.len() - HAND)];
        self.deck = cards;
        self.flags = Default::default();
        self.placed = 0;
    }

    /// Puts a card of a seat's hand on a flag, or says why not.
    pub fn place(&mut self, seat: usize, card: usize, flag: usize) -> Result<(), &'static str> {
        if self.turn != seat {
            return Err("not your turn");
        }
        let hand = &mut self.hands[seat];
        let played = *hand.get(card).ok_or("no such card")?;
        let side = &mut self.flags.get_mut(flag).ok_or("no such flag")?[seat];
        if side.len() >= A_SIDE {
            return Err("the flag is full");
        }
        side.push(played);
        match self.deck.pop() {
            Some(drawn) => hand[card] = drawn,
            None => drop(hand.remove(card)),
        }
        self.number += 1;
        self.turn = 1 - seat;
        self.placed += 1;
        if self.placed == FLAGS * A_SIDE * 2 {
            self.deal();
        }
        Ok(())
    }

    /// What a seat may see, as a text; a watcher sees no hand.
    pub fn shown_to(&self, seat: Option<usize>) -> String {
        let shown = Shown {
            update: "state",
            number: self.number,
            turn: self.turn,
            seat: seat.map_or(-1, |seat| i8::from(seat == 1)),
            hand: seat.map_or(&[], |seat| &self.hands[seat]),
            counts: [self.hands[0].len(), self.hands[1].len()],
            deck: self.deck.len(),
            flags: &self.flags,
        };
        serde_json::to_string(&shown).expect("a game is JSON")
    }
}
