//! Drawing cards, and what Scout draws and puts back.

use super::card::{Card, Deck};
use super::game::{Game, Phase};
use super::illegal::Illegal;

/// Cards Scout draws.
const SCOUT_DRAWS: u8 = 3;

impl Game {
    pub(super) fn start_scout(&mut self) {
        let left = u8::try_from(self.troops.len() + self.tactics.len()).unwrap_or(u8::MAX);
        self.scout_draws = SCOUT_DRAWS.min(left);
        self.give_back = self.scout_draws - 1;
        self.phase = Phase::ScoutDraw;
    }

    pub(super) fn draw(&mut self, deck: Deck) -> Result<(), Illegal> {
        if !matches!(self.phase, Phase::Draw | Phase::ScoutDraw) {
            return Err(Illegal::NotNow(self.next()));
        }
        let card = match deck {
            Deck::Troops => self.troops.pop().map(Card::from),
            Deck::Tactics => self.tactics.pop().map(Card::from),
        };
        let card = card.ok_or(Illegal::EmptyDeck(deck))?;
        self.hands[self.turn].push(card);
        self.returned.first.remove(card);
        self.returned.second.remove(card);
        if self.phase == Phase::Draw {
            self.next_turn();
            return Ok(());
        }
        self.scout_draws -= 1;
        if self.scout_draws == 0 {
            if self.give_back > 0 {
                self.phase = Phase::ScoutReturn;
            } else {
                self.finish_turn();
            }
        }
        Ok(())
    }

    pub(super) fn give_back(&mut self, under: Card, top: Option<Card>) -> Result<(), Illegal> {
        self.in_phase(Phase::ScoutReturn)?;
        if self.give_back != 1 + u8::from(top.is_some()) {
            return Err(Illegal::GiveBack(self.give_back));
        }
        if top == Some(under) {
            return Err(Illegal::Twice(under));
        }
        std::iter::once(under).chain(top).try_for_each(|card| self.check_held(card))?;
        for card in std::iter::once(under).chain(top) {
            self.hands[self.turn].remove(card);
            match (card.troop(), card.tactic()) {
                (Some(troop), _) => self.troops.push(troop),
                (None, Some(tactic)) => self.tactics.push(tactic),
                (None, None) => {}
            }
            self.returned[self.turn].push(card);
        }
        self.give_back = 0;
        self.finish_turn();
        Ok(())
    }
}
