//! The secret state of a game and its turns: who may do what, and what comes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{Card, Deck, Decks, Tactic, Troop};
use super::few::Few;
use super::flag::{FLAGS, Flag, FlagIndex, Verdict};
use super::illegal::{Illegal, Next};
use super::moves::Move;
use super::seat::{BySeat, Seat};
use super::troops::Troops;

/// Cards held between turns, at most.
pub const HAND: usize = 7;
/// Cards held while Scout is played, at most.
pub const HAND_MAX: usize = 9;

/// The options of a game's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Whether the tactics cards are used.
    pub tactics: Tactics,
    /// When flags may be claimed.
    pub claim_timing: ClaimTiming,
    /// Whether Fog and Mud can be taken away.
    pub environment: Environment,
}

/// Whether the tactics cards are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tactics {
    /// The full game.
    #[default]
    On,
    /// Troops only.
    Off,
}

/// When flags may be claimed (RULES: D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimTiming {
    /// At any time of the own turn before the draw.
    #[default]
    Any,
    /// Only before the play.
    TurnStart,
}

/// Whether Deserter and Redeploy may take Fog and Mud (RULES: D1, D2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// They stay.
    #[default]
    Fixed,
    /// They may be taken; then the best three of four cards count.
    Removable,
}

/// What the seat on turn must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Play a card, or pass.
    Play,
    /// Draw one of Scout's cards.
    ScoutDraw,
    /// Put Scout's cards back.
    ScoutReturn,
    /// Draw a card.
    Draw,
    /// End the turn: there is nothing to draw, but flags may still be claimed.
    End,
    /// Nothing: the game is over.
    Over,
}

/// How a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// Who won; nobody if it is a draw.
    pub winner: Option<Seat>,
    /// By what.
    pub reason: EndReason,
}

/// Why a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Three adjacent flags.
    Breakthrough,
    /// Five flags.
    Envelopment,
    /// The other seat gave up.
    Resignation,
    /// Both passed in succession (RULES: D14).
    StandOff,
    /// The other seat was away too long.
    Absence,
}

/// A game: everything, also what nobody may know. It is never sent anywhere; views are.
#[derive(Debug, Clone)]
pub struct Game {
    pub(super) options: Options,
    pub(super) phase: Phase,
    pub(super) turn: Seat,
    pub(super) flags: [Flag; FLAGS as usize],
    pub(super) hands: BySeat<Few<Card, HAND_MAX>>,
    /// How many of the cards it drew last each seat has not been shown yet.
    pub(super) unseen: BySeat<u8>,
    /// The decks; the top card is last.
    pub(super) troops: Few<Troop, 60>,
    pub(super) tactics: Few<Tactic, 10>,
    pub(super) discards: BySeat<Few<Card, 3>>,
    pub(super) guile: BySeat<Few<Tactic, 4>>,
    pub(super) tactics_played: BySeat<u8>,
    pub(super) leader_played: BySeat<bool>,
    pub(super) unplayed: Troops,
    /// Who put back which cards with Scout that still lie on a deck.
    pub(super) returned: BySeat<Few<Card, 2>>,
    pub(super) scout_draws: u8,
    pub(super) give_back: u8,
    /// The last turn was passed and no flag was claimed since.
    passed: bool,
    pub(super) ending: Option<Ending>,
}

impl Game {
    /// A new game from the order of both decks.
    pub fn start(options: Options, decks: &Decks) -> Game {
        let troop = |range: std::ops::Range<usize>| decks.troops[range].iter().copied();
        Game {
            options,
            phase: Phase::Play,
            turn: Seat::First,
            flags: [Flag::default(); FLAGS as usize],
            hands: BySeat {
                first: troop(0..HAND).map(Card::from).collect(),
                second: troop(HAND..2 * HAND).map(Card::from).collect(),
            },
            unseen: BySeat::default(),
            troops: decks.troops[2 * HAND..].iter().rev().copied().collect(),
            tactics: match options.tactics {
                Tactics::On => decks.tactics.iter().rev().copied().collect(),
                Tactics::Off => Few::new(),
            },
            discards: BySeat::default(),
            guile: BySeat::default(),
            tactics_played: BySeat::default(),
            leader_played: BySeat::default(),
            unplayed: Troops::ALL,
            returned: BySeat::default(),
            scout_draws: 0,
            give_back: 0,
            passed: false,
            ending: None,
        }
    }

    /// The rules it is played by.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The seat on turn; nobody's after the end.
    pub fn turn(&self) -> Option<Seat> {
        self.ending.is_none().then_some(self.turn)
    }

    /// What the seat on turn must do.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How it ended.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Who has won each flag.
    pub fn owners(&self) -> [Option<Seat>; FLAGS as usize] {
        self.flags.map(|flag| flag.owner)
    }

    /// The whole line.
    pub fn flags(&self) -> &[Flag; FLAGS as usize] {
        &self.flags
    }

    /// One flag.
    pub fn flag(&self, flag: FlagIndex) -> &Flag {
        &self.flags[flag.place()]
    }

    /// The troops that lie face up nowhere.
    pub fn unplayed(&self) -> Troops {
        self.unplayed
    }

    /// The cards a seat holds, in the order they were drawn.
    pub fn hand(&self, seat: Seat) -> impl Iterator<Item = Card> + use<'_> {
        self.hands[seat].iter()
    }

    /// The same game as its seats know it while so many of the cards they drew last are not shown to them: such a card is a
    /// back in the own view, and can be neither played nor put back.
    #[must_use]
    pub fn with_unseen(&self, unseen: BySeat<u8>) -> Game {
        Game { unseen, ..self.clone() }
    }

    /// The cards a seat holds and has been shown.
    pub(super) fn shown_hand(&self, seat: Seat) -> impl Iterator<Item = Card> + use<'_> {
        let hand = &self.hands[seat];
        let shown = hand.len().saturating_sub(usize::from(self.unseen[seat]));
        hand.iter().take(shown)
    }

    /// How many cards are left in a deck.
    pub fn left(&self, deck: Deck) -> usize {
        match deck {
            Deck::Troops => self.troops.len(),
            Deck::Tactics => self.tactics.len(),
        }
    }

    /// Makes a move for a seat, or says why not and changes nothing. Any seat may resign at any time.
    pub fn play(&mut self, seat: Seat, mv: Move) -> Result<(), Illegal> {
        if self.ending.is_some() {
            return Err(Illegal::Over);
        }
        if mv == Move::Resign {
            self.end(Some(seat.other()), EndReason::Resignation);
            return Ok(());
        }
        if seat != self.turn {
            return Err(Illegal::NotYourTurn);
        }
        match mv {
            Move::Place { .. }
            | Move::Deserter { .. }
            | Move::Traitor { .. }
            | Move::Redeploy { .. }
            | Move::Scout => {
                self.in_phase(Phase::Play)?;
                self.check_play(mv)?;
                self.carry_out(mv);
            }
            Move::Draw(deck) => self.draw(deck)?,
            Move::Return { under, top } => self.give_back(under, top)?,
            Move::Claim(flag) => self.claim(flag)?,
            Move::Pass => {
                self.in_phase(Phase::Play)?;
                self.pass()?;
            }
            Move::End => {
                self.in_phase(Phase::End)?;
                self.next_turn();
            }
            Move::Resign => {}
        }
        Ok(())
    }

    /// The game after the moves of one request, all or none. A draw ends a request: what followed it would be judged by a
    /// card that its seat has not seen, so that a refusal would tell what lies on the decks.
    pub fn after_request(&self, seat: Seat, moves: &[Move]) -> Result<Game, Illegal> {
        if moves.iter().rev().skip(1).any(|mv| matches!(mv, Move::Draw(_))) {
            return Err(Illegal::AfterDraw);
        }
        let mut game = self.clone();
        moves.iter().try_for_each(|mv| game.play(seat, *mv))?;
        Ok(game)
    }

    /// Whether flags may be claimed in this phase.
    pub fn may_claim(&self) -> bool {
        match self.phase {
            Phase::Play => true,
            Phase::Draw | Phase::End => self.options.claim_timing == ClaimTiming::Any,
            Phase::ScoutDraw | Phase::ScoutReturn | Phase::Over => false,
        }
    }

    /// The unclaimed flags at which the seat on turn is complete.
    pub fn claimable(&self) -> impl Iterator<Item = FlagIndex> + use<'_> {
        let seat = self.turn;
        FlagIndex::all()
            .filter(move |flag| self.flag(*flag).owner.is_none() && self.flag(*flag).is_complete(seat))
    }

    /// Whether a claim of the seat on turn to a flag at which it is complete is granted.
    pub fn is_proved(&self, flag: FlagIndex) -> bool {
        let flag = self.flag(flag);
        match flag.verdict(self.turn, self.unplayed) {
            Verdict::Yes => true,
            Verdict::No => false,
            Verdict::Tie => flag.last_placer == Some(self.turn.other()),
        }
    }

    /// Gives the flag to the seat on turn, proved or not: for games that were played by other judges.
    pub fn grant(&mut self, flag: FlagIndex) {
        let seat = self.turn;
        self.flags[flag.place()].owner = Some(seat);
        self.passed = false;
        if self.ending.is_none()
            && let Some(reason) = self.won_by(seat)
        {
            self.end(Some(seat), reason);
        }
    }

    pub(super) fn in_phase(&self, phase: Phase) -> Result<(), Illegal> {
        if self.phase == phase { Ok(()) } else { Err(Illegal::NotNow(self.next())) }
    }

    /// What the seat on turn has to do next.
    pub(super) fn next(&self) -> Next {
        match self.phase {
            Phase::Play => Next::Play { pass: self.may_pass(self.ground()) },
            Phase::Draw => Next::Draw(self.open_decks()),
            Phase::ScoutDraw => Next::Scout(self.open_decks()),
            Phase::ScoutReturn => Next::GiveBack(self.give_back),
            Phase::End | Phase::Over => Next::End,
        }
    }

    /// The decks that can be drawn from.
    pub(super) fn open_decks(&self) -> Vec<Deck> {
        Deck::BOTH.into_iter().filter(|deck| self.left(*deck) > 0).collect()
    }

    fn claim(&mut self, index: FlagIndex) -> Result<(), Illegal> {
        if !self.may_claim() {
            let late = self.phase == Phase::Draw;
            return Err(if late { Illegal::ClaimedLate(self.next()) } else { Illegal::NotNow(self.next()) });
        }
        let flag = self.flag(index);
        if flag.owner.is_some() {
            return Err(Illegal::Won(index));
        }
        let lacks = usize::from(flag.slots()).saturating_sub(flag.cards[self.turn].len());
        if lacks > 0 {
            return Err(Illegal::Incomplete { flag: index, lacks });
        }
        if !self.is_proved(index)
            && let Some(counter) = flag.counter(index, self.turn, self.unplayed)
        {
            return Err(Illegal::NotProved(counter));
        }
        self.grant(index);
        Ok(())
    }

    fn pass(&mut self) -> Result<(), Illegal> {
        if !self.may_pass(self.ground()) {
            return Err(Illegal::MustPlay);
        }
        if self.passed {
            self.stand_off();
            return Ok(());
        }
        self.next_turn();
        self.passed = true;
        Ok(())
    }

    /// After a play: draw, or end the turn.
    pub(super) fn after_play(&mut self) {
        self.passed = false;
        if self.phase == Phase::ScoutDraw {
            return;
        }
        let can_draw = !(self.troops.is_empty() && self.tactics.is_empty());
        if can_draw && self.hands[self.turn].len() < HAND {
            self.phase = Phase::Draw;
        } else {
            self.finish_turn();
        }
    }

    pub(super) fn finish_turn(&mut self) {
        match self.options.claim_timing {
            ClaimTiming::Any => self.phase = Phase::End,
            ClaimTiming::TurnStart => self.next_turn(),
        }
    }

    /// Hands the turn over, whatever was done in it: also for games that were played by other programs.
    pub fn next_turn(&mut self) {
        self.turn = self.turn.other();
        self.phase = Phase::Play;
    }
}
