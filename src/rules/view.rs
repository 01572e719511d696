//! All that one viewer may see of a game, as sent to browsers; the only place that hides cards.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{Card, Deck, Tactic};
use super::flag::{Flag, FlagIndex, Formation};
use super::game::{ClaimTiming, Ending, Game, Phase};
use super::seat::{BySeat, Seat};

/// Who looks at a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Viewer {
    /// The player on the first seat.
    First,
    /// The player on the second seat.
    Second,
    /// Anyone else.
    Watcher,
}

/// Everything a viewer may know. After the end, once that is saved, it is the same for all viewers but for `viewer`, and
/// hides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// For whom this view was made.
    pub viewer: Viewer,
    /// What the seat on turn must do next.
    pub phase: Phase,
    /// The seat on turn; absent after the end.
    pub turn: Option<Seat>,
    /// The nine flags from left to right.
    pub flags: Vec<FlagView>,
    /// What each seat holds.
    pub hands: BySeat<HandView>,
    /// How many cards are left in each deck.
    pub decks: DecksView,
    /// Cards removed from the line by Deserter and Redeploy, by the side they were on; face up.
    pub discards: BySeat<Vec<Card>>,
    /// Guile cards each seat has played, in order; face up.
    pub guile: BySeat<Vec<Tactic>>,
    /// How many tactics cards each seat has played in the whole game.
    pub tactics_played: BySeat<u8>,
    /// Whether each seat has played its one leader.
    pub leader_played: BySeat<bool>,
    /// Troops that lie face up nowhere: what a proof counts with. In order of colour and rank.
    pub unplayed: Vec<Card>,
    /// How the game ended.
    pub ending: Option<Ending>,
    /// What the viewer may do now; only for the seat on turn.
    pub choices: Option<Choices>,
}

/// What is new of a [`View`] since the one before: the flags that changed, and the rest as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViewChanges {
    /// What the seat on turn must do next.
    pub phase: Phase,
    /// The seat on turn; absent after the end.
    pub turn: Option<Seat>,
    /// The flags that are not as they were, by number.
    pub flags: Vec<(FlagIndex, FlagView)>,
    /// What each seat holds.
    pub hands: BySeat<HandView>,
    /// How many cards are left in each deck.
    pub decks: DecksView,
    /// Cards removed from the line.
    pub discards: BySeat<Vec<Card>>,
    /// Guile cards each seat has played.
    pub guile: BySeat<Vec<Tactic>>,
    /// How many tactics cards each seat has played in the whole game.
    pub tactics_played: BySeat<u8>,
    /// Whether each seat has played its one leader.
    pub leader_played: BySeat<bool>,
    /// Troops that lie face up nowhere.
    pub unplayed: Vec<Card>,
    /// How the game ended.
    pub ending: Option<Ending>,
    /// What the viewer may do now.
    pub choices: Option<Choices>,
}

impl View {
    /// What is new of it, where only these flags changed.
    pub fn into_changes(self, changed: &[FlagIndex]) -> ViewChanges {
        let flags = FlagIndex::all().zip(self.flags).filter(|(flag, _)| changed.contains(flag));
        ViewChanges {
            phase: self.phase,
            turn: self.turn,
            flags: flags.collect(),
            hands: self.hands,
            decks: self.decks,
            discards: self.discards,
            guile: self.guile,
            tactics_played: self.tactics_played,
            leader_played: self.leader_played,
            unplayed: self.unplayed,
            ending: self.ending,
            choices: self.choices,
        }
    }

    /// The view that these changes make of it.
    #[must_use]
    pub fn changed(self, changes: ViewChanges) -> View {
        let mut flags = self.flags;
        for (flag, view) in changes.flags {
            if let Some(place) = flags.get_mut(flag.place()) {
                *place = view;
            }
        }
        View {
            viewer: self.viewer,
            phase: changes.phase,
            turn: changes.turn,
            flags,
            hands: changes.hands,
            decks: changes.decks,
            discards: changes.discards,
            guile: changes.guile,
            tactics_played: changes.tactics_played,
            leader_played: changes.leader_played,
            unplayed: changes.unplayed,
            ending: changes.ending,
            choices: changes.choices,
        }
    }
}

/// One flag of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagView {
    /// Troops and morale cards on each side, in the order they were laid.
    pub cards: BySeat<Vec<Card>>,
    /// Fog and Mud, on the side of the seat that laid them.
    pub environment: BySeat<Vec<Tactic>>,
    /// How many cards a formation needs here: 3, or 4 with Mud.
    pub slots: u8,
    /// Who has won the flag.
    pub owner: Option<Seat>,
    /// The formation of each side that is complete.
    pub formation: BySeat<Option<Formation>>,
    /// Who laid the last troop or morale card here: he loses a tie.
    pub last_placer: Option<Seat>,
}

/// A hand: its cards for who may see them, their backs for everyone. An own hand has fewer cards than backs while cards
/// that were drawn unsaved are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandView {
    /// The cards in the order they were drawn; absent for who may not see them.
    pub cards: Option<Vec<Card>>,
    /// How many troops are held.
    pub troops: u8,
    /// How many tactics cards are held.
    pub tactics: u8,
}

/// The two decks, from above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecksView {
    /// Troops left to draw.
    pub troops: u8,
    /// Tactics cards left to draw.
    pub tactics: u8,
    /// Cards the viewer himself put back with Scout and that still lie on a deck, topmost last; empty for others.
    pub returned: Vec<Card>,
}

/// All that the seat on turn may do in this phase. Every list is complete: what is not listed is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may be done or not")]
pub struct Choices {
    /// Troops, leaders, Companion, Shield Bearers, Fog and Mud in hand that can be laid, with the flags they may go to:
    /// `r7@3`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub place: BTreeMap<Card, Vec<FlagIndex>>,
    /// Scout may be played: `Sc`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scout: bool,
    /// The opponent's cards Deserter may discard: `De r7`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deserter: Vec<Card>,
    /// The opponent's troops Traitor may take, with the flags they may go to: `Tr r7@3`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traitor: BTreeMap<Card, Vec<FlagIndex>>,
    /// Own cards Redeploy may move, with the flags they may go to (`Re r7@3`); each may also be discarded (`Re r7@x`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redeploy: BTreeMap<Card, Vec<FlagIndex>>,
    /// The decks that may be drawn from now: `draw t`, `draw x`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draw: Vec<Deck>,
    /// In the play phase, the decks that may be drawn from after any play, also in the same request, as its last move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draw_after_play: Vec<Deck>,
    /// How many cards Scout must put back now: `return a b`, b on top; 0 outside that phase.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub give_back: u8,
    /// Flags whose own side is complete, so that a claim may be tried now: `claim 3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claim: Vec<FlagIndex>,
    /// Those of `claim` that would be granted; absent if the table gives no claim hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provable: Option<Vec<FlagIndex>>,
    /// The turn may be passed: `pass`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pass: bool,
    /// The turn may be ended without a draw: `end`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub end: bool,
    /// After a play in this phase there is nothing to draw, and the turn is closed with `end`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub end_after_play: bool,
}

impl Viewer {
    /// The seat the viewer has.
    pub fn seat(self) -> Option<Seat> {
        match self {
            Viewer::First => Some(Seat::First),
            Viewer::Second => Some(Seat::Second),
            Viewer::Watcher => None,
        }
    }
}

impl Game {
    /// All that `viewer` may see, with or without telling which claims would be granted.
    pub fn view(&self, viewer: Viewer, claim_hints: bool) -> View {
        self.view_with(viewer, claim_hints, self.ending.is_some())
    }

    /// Everything, for the replay of a game that is over: whoever calls this knows that it is.
    pub fn open_view(&self) -> View {
        self.view_with(Viewer::Watcher, false, true)
    }

    /// All that `viewer` may see while the last records may still be undone: an end opens no hand yet.
    pub fn provisional_view(&self, viewer: Viewer, claim_hints: bool) -> View {
        self.view_with(viewer, claim_hints, false)
    }

    fn view_with(&self, viewer: Viewer, claim_hints: bool, over: bool) -> View {
        let open = |seat| over || viewer.seat() == Some(seat);
        let on_turn = self.turn().is_some_and(|turn| viewer.seat() == Some(turn));
        View {
            viewer,
            phase: self.phase,
            turn: self.turn(),
            flags: self.flags.iter().map(flag_view).collect(),
            hands: BySeat::make(|seat| self.hand_view(seat, open(seat), over)),
            decks: DecksView {
                troops: small(self.troops.len()),
                tactics: small(self.tactics.len()),
                returned: Seat::BOTH
                    .into_iter()
                    .filter(|seat| open(*seat))
                    .flat_map(|seat| self.returned[seat].iter())
                    .collect(),
            },
            discards: BySeat::make(|seat| self.discards[seat].iter().collect()),
            guile: BySeat::make(|seat| self.guile[seat].iter().collect()),
            tactics_played: self.tactics_played,
            leader_played: self.leader_played,
            unplayed: self.unplayed.iter().map(Card::from).collect(),
            ending: self.ending,
            choices: on_turn.then(|| self.choices(claim_hints)),
        }
    }

    fn hand_view(&self, seat: Seat, open: bool, over: bool) -> HandView {
        let hand = &self.hands[seat];
        let troops = hand.iter().filter(|card| card.troop().is_some()).count();
        HandView {
            cards: open.then(|| if over { hand.iter().collect() } else { self.shown_hand(seat).collect() }),
            troops: small(troops),
            tactics: small(hand.len() - troops),
        }
    }

    fn choices(&self, claim_hints: bool) -> Choices {
        let mut choices = match self.phase {
            Phase::Play => self.play_choices(),
            Phase::Draw | Phase::ScoutDraw => Choices { draw: self.open_decks(), ..Choices::default() },
            Phase::ScoutReturn => Choices { give_back: self.give_back, ..Choices::default() },
            Phase::End => Choices { end: true, ..Choices::default() },
            Phase::Over => Choices::default(),
        };
        if self.may_claim() {
            choices.claim = self.claimable().collect();
            choices.provable = claim_hints
                .then(|| choices.claim.iter().copied().filter(|flag| self.is_proved(*flag)).collect());
        }
        choices
    }

    fn play_choices(&self) -> Choices {
        let (ground, draw) = (self.ground(), self.open_decks());
        let mut choices = Choices { pass: self.may_pass(ground), ..Choices::default() };
        for card in self.shown_hand(self.turn) {
            match card.tactic() {
                Some(Tactic::Scout) => choices.scout = self.may_scout(),
                Some(Tactic::Deserter) => {
                    choices.deserter = self.deserter_targets().map(|(card, _)| card).collect();
                }
                Some(Tactic::Traitor) => {
                    let flags: Vec<FlagIndex> = ground.room.iter().collect();
                    choices.traitor =
                        self.traitor_targets(ground).map(|card| (card, flags.clone())).collect();
                }
                Some(Tactic::Redeploy) => {
                    let targets = self.redeploy_targets();
                    choices.redeploy = targets
                        .map(|(card, from)| (card, ground.redeploy_flags(card, from).iter().collect()))
                        .collect();
                }
                _ => {
                    let flags: Vec<FlagIndex> = self.place_flags(card, ground).iter().collect();
                    if !flags.is_empty() {
                        choices.place.insert(card, flags);
                    }
                }
            }
        }
        choices.end_after_play = draw.is_empty() && self.options.claim_timing == ClaimTiming::Any;
        choices.draw_after_play = draw;
        choices
    }
}

fn flag_view(flag: &Flag) -> FlagView {
    FlagView {
        cards: BySeat::make(|seat| flag.cards[seat].iter().collect()),
        environment: BySeat::make(|seat| flag.environment[seat].iter().collect()),
        slots: flag.slots(),
        owner: flag.owner,
        formation: BySeat::make(|seat| flag.formation(seat)),
        last_placer: flag.last_placer,
    }
}

fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}
