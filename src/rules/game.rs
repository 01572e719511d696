//! The secret state of a game and its turns: who may do what, and what comes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{Card, Deck, Decks, Tactic, Troop};
use super::few::Few;
use super::flag::{CounterExample, FLAGS, Flag, FlagIndex, Verdict};
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
    /// Whose rulings apply to what the official rules leave open; only the official ones are offered at tables.
    #[serde(skip)]
    pub house: House,
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

/// Whose rulings apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum House {
    /// The official rules: ties by the order of play, a stand-off after two passes.
    #[default]
    Official,
    /// Those of the program the test vectors come from: a tie goes to whoever claims, passing never ends the game.
    Go2,
}

impl Options {
    /// The rules the test vectors were played by.
    pub const GO2: Options = Options {
        tactics: Tactics::On,
        claim_timing: ClaimTiming::TurnStart,
        environment: Environment::Removable,
        house: House::Go2,
    };
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

/// Why a move is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The other seat is on turn.
    #[error("it is not your turn")]
    NotYourTurn,
    /// The game is over.
    #[error("the game is over")]
    Over,
    /// Something else has to be done first.
    #[error("that cannot be done now")]
    NotNow,
    /// The claim cannot be proved.
    #[error("that flag cannot be claimed yet")]
    NotProved(CounterExample),
    /// The rules do not allow it, for this reason.
    #[error("{0}")]
    NotAllowed(&'static str),
}

/// A game: everything, also what nobody may know. It is never sent anywhere; views are.
#[derive(Debug, Clone)]
pub struct Game {
    pub(super) options: Options,
    pub(super) phase: Phase,
    pub(super) turn: Seat,
    pub(super) flags: [Flag; FLAGS as usize],
    pub(super) hands: BySeat<Few<Card, HAND_MAX>>,
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
            Verdict::Tie => self.options.house == House::Go2 || flag.last_placer == Some(self.turn.other()),
        }
    }

    /// Gives the flag to the seat on turn, proved or not: for games that were played by other judges.
    pub(crate) fn grant(&mut self, flag: FlagIndex) {
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
        if self.phase == phase { Ok(()) } else { Err(Illegal::NotNow) }
    }

    fn claim(&mut self, flag: FlagIndex) -> Result<(), Illegal> {
        if !self.may_claim() {
            return Err(Illegal::NotNow);
        }
        if self.flag(flag).owner.is_some() {
            return Err(Illegal::NotAllowed("that flag has been won already"));
        }
        if !self.flag(flag).is_complete(self.turn) {
            return Err(Illegal::NotAllowed("your side of that flag is not complete"));
        }
        if !self.is_proved(flag) {
            let counter = self.flag(flag).counter(flag, self.turn, self.unplayed);
            return Err(counter.map_or(Illegal::NotNow, Illegal::NotProved));
        }
        self.grant(flag);
        Ok(())
    }

    fn pass(&mut self) -> Result<(), Illegal> {
        if !self.may_pass(self.ground()) {
            return Err(Illegal::NotAllowed("you can lay a troop, so you cannot pass"));
        }
        if self.passed && self.options.house == House::Official {
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

    pub(super) fn next_turn(&mut self) {
        self.turn = self.turn.other();
        self.phase = Phase::Play;
    }
}
