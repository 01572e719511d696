//! Which cards may be played where, and what playing one does.

use super::card::{Card, Deck, Tactic, TacticKind};
use super::flag::{FlagIndex, FlagSet};
use super::game::{Environment, Game, Phase};
use super::illegal::{Illegal, NoPlace};
use super::moves::Move;
use super::seat::Seat;

/// The flags at which the seat on turn may lay cards: looked up once for a whole hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    /// Those with a free slot on its side: for troops and morale.
    pub room: FlagSet,
    /// All that nobody has won yet: for Fog and Mud.
    pub unclaimed: FlagSet,
}

impl Ground {
    /// Where Redeploy may move an own card that lies at `from`.
    pub fn redeploy_flags(self, card: Card, from: FlagIndex) -> FlagSet {
        let environment = card.tactic().map(Tactic::kind) == Some(TacticKind::Environment);
        let flags = if environment { self.unclaimed } else { self.room };
        flags.without(from)
    }
}

impl Game {
    /// Every move of the seat on turn, in no particular order, claims left aside; `out` is emptied first.
    pub fn legal_moves(&self, out: &mut Vec<Move>) {
        out.clear();
        match self.phase {
            Phase::Play => self.legal_plays(out),
            Phase::Draw | Phase::ScoutDraw => {
                out.extend(self.open_decks().into_iter().map(Move::Draw));
            }
            Phase::ScoutReturn => self.legal_returns(out),
            Phase::End => out.push(Move::End),
            Phase::Over => {}
        }
    }

    fn legal_plays(&self, out: &mut Vec<Move>) {
        let ground = self.ground();
        for card in self.shown_hand(self.turn) {
            match card.tactic() {
                Some(Tactic::Scout) => out.extend(self.may_scout().then_some(Move::Scout)),
                Some(Tactic::Deserter) => {
                    out.extend(self.deserter_targets().map(|(card, _)| Move::Deserter { card }));
                }
                Some(Tactic::Traitor) => {
                    for troop in self.traitor_targets(ground) {
                        out.extend(ground.room.iter().map(|flag| Move::Traitor { card: troop, flag }));
                    }
                }
                Some(Tactic::Redeploy) => {
                    for (card, from) in self.redeploy_targets() {
                        let flags = ground.redeploy_flags(card, from);
                        out.extend(flags.iter().map(|to| Move::Redeploy { card, to: Some(to) }));
                        out.push(Move::Redeploy { card, to: None });
                    }
                }
                _ => out.extend(self.place_flags(card, ground).iter().map(|flag| Move::Place { card, flag })),
            }
        }
        if self.may_pass(ground) {
            out.push(Move::Pass);
        }
    }

    fn legal_returns(&self, out: &mut Vec<Move>) {
        let hand = || self.shown_hand(self.turn);
        for under in hand() {
            if self.give_back == 1 {
                out.push(Move::Return { under, top: None });
            } else {
                let tops = hand().filter(|top| *top != under);
                out.extend(tops.map(|top| Move::Return { under, top: Some(top) }));
            }
        }
    }

    /// Whether the tactics limit lets the seat on turn play a tactics card.
    fn may_play_tactics(&self) -> bool {
        self.tactics_played[self.turn] <= self.tactics_played[self.turn.other()]
    }

    /// Where the seat on turn may lay anything at all.
    pub(super) fn ground(&self) -> Ground {
        let seat = self.turn;
        let all = || FlagIndex::all();
        Ground {
            room: all().filter(|flag| self.flag(*flag).has_room(seat)).collect(),
            unclaimed: all().filter(|flag| self.flag(*flag).owner.is_none()).collect(),
        }
    }

    /// Where a troop, morale or environment card of the seat on turn may be laid.
    pub(super) fn place_flags(&self, card: Card, ground: Ground) -> FlagSet {
        let Some(tactic) = card.tactic() else { return ground.room };
        let dead_leader = tactic.is_leader() && self.leader_played[self.turn];
        match tactic.kind() {
            _ if dead_leader || !self.may_play_tactics() => FlagSet::NONE,
            TacticKind::Morale => ground.room,
            TacticKind::Environment => ground.unclaimed,
            TacticKind::Guile => FlagSet::NONE,
        }
    }

    pub(super) fn may_scout(&self) -> bool {
        self.may_play_tactics() && self.left(Deck::Troops) + self.left(Deck::Tactics) > 0
    }

    /// A side's cards at unclaimed flags that Deserter and Redeploy may take, with their flags.
    fn takeable(&self, side: Seat) -> impl Iterator<Item = (Card, FlagIndex)> + use<'_> {
        let environment = self.options.environment == Environment::Removable;
        let open = FlagIndex::all().filter(|flag| self.flag(*flag).owner.is_none());
        open.flat_map(move |index| {
            let flag = self.flag(index);
            let laid = flag.environment[side].iter().filter(move |_| environment).map(Card::from);
            flag.cards[side].iter().chain(laid).map(move |card| (card, index))
        })
    }

    pub(super) fn deserter_targets(&self) -> impl Iterator<Item = (Card, FlagIndex)> + use<'_> {
        self.takeable(self.turn.other()).filter(|_| self.may_play_tactics())
    }

    pub(super) fn redeploy_targets(&self) -> impl Iterator<Item = (Card, FlagIndex)> + use<'_> {
        self.takeable(self.turn).filter(|_| self.may_play_tactics())
    }

    /// The troops Traitor may take, if there is a slot for one.
    pub(super) fn traitor_targets(&self, ground: Ground) -> impl Iterator<Item = Card> + use<'_> {
        let possible = self.may_play_tactics() && ground.room != FlagSet::NONE;
        let troops = self.takeable(self.turn.other()).map(|(card, _)| card);
        troops.filter(move |card| possible && card.troop().is_some())
    }

    /// Whether no troop can be laid, so that the turn may be passed.
    pub(super) fn may_pass(&self, ground: Ground) -> bool {
        ground.room == FlagSet::NONE || self.hands[self.turn].iter().all(|card| card.troop().is_none())
    }

    /// Refuses a play that the rules do not allow.
    pub(super) fn check_play(&self, mv: Move) -> Result<(), Illegal> {
        let ground = self.ground();
        match mv {
            Move::Place { card, flag } => {
                self.check_card(card)?;
                self.check_place(card, flag, None, self.place_flags(card, ground))
            }
            Move::Deserter { card } => {
                self.check_card(Tactic::Deserter.into())?;
                self.check_target(Tactic::Deserter, card, self.deserter_targets()).map(|_| ())
            }
            Move::Traitor { card, flag } => {
                self.check_card(Tactic::Traitor.into())?;
                let troops = self.takeable(self.turn.other()).filter(|(card, _)| card.troop().is_some());
                self.check_target(Tactic::Traitor, card, troops)?;
                self.check_place(card, flag, None, ground.room)
            }
            Move::Redeploy { card, to } => {
                self.check_card(Tactic::Redeploy.into())?;
                let from = self.check_target(Tactic::Redeploy, card, self.redeploy_targets())?;
                let Some(flag) = to else { return Ok(()) };
                self.check_place(card, flag, Some(from), ground.redeploy_flags(card, from))
            }
            Move::Scout => {
                self.check_card(Tactic::Scout.into())?;
                if self.may_scout() { Ok(()) } else { Err(Illegal::NothingToScout) }
            }
            _ => Err(Illegal::NotNow(self.next())),
        }
    }

    /// Refuses a card that the seat on turn does not see in its hand.
    pub(super) fn check_held(&self, card: Card) -> Result<(), Illegal> {
        if self.shown_hand(self.turn).any(|held| held == card) {
            return Ok(());
        }
        Err(Illegal::NotHeld { card, waits: self.unseen[self.turn] > 0 })
    }

    /// Refuses a card that the seat on turn may not play now, wherever it goes.
    fn check_card(&self, card: Card) -> Result<(), Illegal> {
        self.check_held(card)?;
        match card.tactic() {
            Some(tactic) if !self.may_play_tactics() => Err(Illegal::TacticsLimit(tactic)),
            Some(tactic) if tactic.is_leader() && self.leader_played[self.turn] => {
                Err(Illegal::LeaderPlayed(tactic))
            }
            _ => Ok(()),
        }
    }

    fn check_place(
        &self,
        card: Card,
        flag: FlagIndex,
        from: Option<FlagIndex>,
        open: FlagSet,
    ) -> Result<(), Illegal> {
        if open.contains(flag) {
            return Ok(());
        }
        let why = if from == Some(flag) {
            NoPlace::There
        } else if self.flag(flag).owner.is_some() {
            NoPlace::Won
        } else {
            NoPlace::Full
        };
        Err(Illegal::NoPlace { card, flag, why, open: open.iter().collect() })
    }

    /// The flag at which a card lies that a guile card may take.
    fn check_target(
        &self,
        tactic: Tactic,
        card: Card,
        mut targets: impl Iterator<Item = (Card, FlagIndex)>,
    ) -> Result<FlagIndex, Illegal> {
        let environment = self.options.environment == Environment::Removable;
        let found = targets.find(|(target, _)| *target == card).map(|(_, flag)| flag);
        found.ok_or(Illegal::NoTarget { tactic, card, environment })
    }

    /// Does what a checked play says.
    pub(super) fn carry_out(&mut self, mv: Move) {
        let seat = self.turn;
        match mv {
            Move::Place { card, flag } => {
                self.hands[seat].remove(card);
                self.lay(card, flag);
            }
            Move::Deserter { card } => {
                self.play_guile(Tactic::Deserter);
                self.take(card, seat.other());
                self.discards[seat.other()].push(card);
            }
            Move::Traitor { card, flag } => {
                self.play_guile(Tactic::Traitor);
                self.take(card, seat.other());
                self.put(card, flag);
            }
            Move::Redeploy { card, to } => {
                self.play_guile(Tactic::Redeploy);
                self.take(card, seat);
                match to {
                    Some(flag) => self.put(card, flag),
                    None => self.discards[seat].push(card),
                }
            }
            Move::Scout => {
                self.play_guile(Tactic::Scout);
                self.start_scout();
            }
            _ => {}
        }
        self.after_play();
    }

    /// Lays a card from the hand.
    fn lay(&mut self, card: Card, flag: FlagIndex) {
        match (card.troop(), card.tactic()) {
            (Some(troop), _) => self.unplayed.remove(troop),
            (None, Some(tactic)) => {
                self.tactics_played[self.turn] += 1;
                self.leader_played[self.turn] |= tactic.is_leader();
            }
            (None, None) => {}
        }
        self.put(card, flag);
    }

    /// Puts a card on the own side of a flag.
    fn put(&mut self, card: Card, flag: FlagIndex) {
        let seat = self.turn;
        let flag = &mut self.flags[flag.place()];
        if let Some(environment) = card.tactic().filter(|tactic| tactic.kind() == TacticKind::Environment) {
            flag.environment[seat].push(environment);
        } else {
            flag.cards[seat].push(card);
            flag.last_placer = Some(seat);
        }
    }

    /// Takes a card off a side of the line.
    fn take(&mut self, card: Card, side: Seat) {
        for flag in &mut self.flags {
            let taken = flag.cards[side].remove(card)
                || card.tactic().is_some_and(|tactic| flag.environment[side].remove(tactic));
            if taken {
                return;
            }
        }
    }

    fn play_guile(&mut self, tactic: Tactic) {
        let seat = self.turn;
        self.hands[seat].remove(tactic.into());
        self.guile[seat].push(tactic);
        self.tactics_played[seat] += 1;
    }
}
