//! Claims: the fast judge agrees with trying everything, and a refused claim comes with a counter-example that holds.

use nineflags::rules::card::{Card, Tactic, Troop};
use nineflags::rules::flag::{Flag, FlagIndex, Verdict};
use nineflags::rules::seat::Seat;
use nineflags::rules::troops::Troops;

use crate::brute;
use crate::dice::Dice;

/// How many flags are compared.
const FLAGS: u32 = 200_000;
/// Formations that may be tried for one flag; every hundredth flag may take [`MANY`].
const TRIED: usize = 800;
const MANY: usize = 40_000;

/// A flag, as the judges are asked about it.
struct Situation {
    flag: Flag,
    unplayed: Vec<Troop>,
}

impl Situation {
    /// Any cards on the sides, more wild cards than in a game, any number of troops unplayed that can be tried through.
    fn random(dice: &mut Dice, tried: usize) -> Self {
        let mut flag = Flag::default();
        let environments: [&[Tactic]; 4] = [&[], &[Tactic::Mud], &[Tactic::Fog], &[Tactic::Mud, Tactic::Fog]];
        for tactic in environments[dice.place(4)] {
            flag.environment[dice.pick(&Seat::BOTH)].push(*tactic);
        }
        let mut wilds =
            [Tactic::Alexander, Tactic::Darius, Tactic::Companion, Tactic::ShieldBearers].to_vec();
        let mut troops: Vec<Troop> = Troop::all().collect();
        dice.shuffle(&mut wilds);
        dice.shuffle(&mut troops);
        alike(dice, &mut troops);
        let full = usize::from(flag.slots());
        let claimer = dice.pick(&Seat::BOTH);
        for seat in Seat::BOTH {
            // Rarely four cards where three count.
            let excess = usize::from(full == 3 && dice.happens(1, 10));
            let count =
                if seat == claimer && dice.happens(9, 10) { full + excess } else { dice.place(full + 1) };
            for _ in 0..count {
                let wild = if dice.happens(1, 5) { wilds.pop() } else { None };
                let card = wild.map(Card::from).or_else(|| troops.pop().map(Card::from));
                flag.cards[seat].push(card.expect("60 troops are enough"));
            }
        }
        if dice.happens(3, 4) {
            dice.shuffle(&mut troops);
        }
        let mut situation = Self { flag, unplayed: troops };
        let wanted = if tried == MANY { 60 } else { dice.place(24) };
        while situation.unplayed.len() > wanted || situation.cost() > tried {
            situation.unplayed.remove(0);
        }
        situation
    }

    fn missing(&self, seat: Seat) -> usize {
        usize::from(self.flag.slots()).saturating_sub(self.flag.cards[seat].len())
    }

    /// How many formations trying everything looks at.
    fn cost(&self) -> usize {
        let side = |seat: Seat| {
            let wild = self.flag.cards[seat].iter().filter_map(Card::tactic).map(|tactic| match tactic {
                Tactic::Companion => 6,
                Tactic::ShieldBearers => 18,
                _ => 60,
            });
            let missing = self.missing(seat);
            let fills = (0..missing)
                .fold(1, |fills, taken| fills * self.unplayed.len().saturating_sub(taken) / (taken + 1));
            wild.product::<usize>() * fills
        };
        // A side with three or more wild cards costs too much whatever is unplayed: then nothing is.
        if self.unplayed.is_empty() { 0 } else { side(Seat::First).max(side(Seat::Second)) }
    }

    fn cards(&self, seat: Seat) -> Vec<Card> {
        self.flag.cards[seat].iter().collect()
    }

    fn fog(&self) -> bool {
        self.flag.has(Tactic::Fog)
    }

    /// The verdict by trying everything.
    fn verdict(&self, seat: Seat) -> Verdict {
        let size = usize::from(self.flag.slots());
        let complete = |seat: Seat| brute::complete(&self.cards(seat), size, self.fog());
        let Some(mine) = complete(seat) else { return Verdict::No };
        match complete(seat.other()) {
            Some(theirs) if theirs == mine => return Verdict::Tie,
            Some(theirs) => return if theirs < mine { Verdict::Yes } else { Verdict::No },
            None => {}
        }
        let reply = brute::best_reply(
            &self.cards(seat.other()),
            self.missing(seat.other()),
            &self.unplayed,
            self.fog(),
        );
        if reply.is_some_and(|theirs| theirs > mine) { Verdict::No } else { Verdict::Yes }
    }

    fn check(&self, seen: &mut Seen) {
        let unplayed: Troops = self.unplayed.iter().copied().collect();
        for seat in Seat::BOTH {
            let verdict = self.flag.verdict(seat, unplayed);
            assert_eq!(verdict, self.verdict(seat), "{seat}, unplayed {:?}, {:?}", self.unplayed, self.flag);
            if self.flag.is_complete(seat) {
                seen.add(verdict, self.missing(seat.other()));
                if verdict == Verdict::No {
                    self.check_counter(seat, unplayed);
                }
            }
        }
    }

    /// The counter-example of a refused claim: cards that anyone can see are out, and no better ones.
    fn check_counter(&self, seat: Seat, unplayed: Troops) {
        let place = FlagIndex::new(4).expect("a flag");
        let counter = self.flag.counter(place, seat, unplayed).expect("a refused claim has one");
        let (laid, missing) = (self.cards(seat.other()), self.missing(seat.other()));
        assert_eq!((counter.flag, &counter.laid), (place, &laid));
        assert_eq!(counter.missing.len(), missing);
        for (number, card) in counter.missing.iter().enumerate() {
            assert!(card.troop().is_some_and(|troop| unplayed.contains(troop)), "{card} is unplayed");
            assert!(!counter.missing[..number].contains(card), "{card} is there twice");
        }
        let size = usize::from(self.flag.slots());
        let whole = [&laid[..], &counter.missing[..]].concat();
        assert_eq!(Some(counter.mine), brute::complete(&self.cards(seat), size, self.fog()));
        assert_eq!(Some(counter.theirs), brute::complete(&whole, size, self.fog()));
        assert!(counter.theirs > counter.mine, "{counter:?}");
        let best =
            if missing == 0 { None } else { brute::best_reply(&laid, missing, &self.unplayed, self.fog()) };
        assert!(best.is_none_or(|best| best == counter.theirs), "the best there is: {counter:?}");
    }
}

/// Often puts troops that go well together last, where the sides take theirs.
fn alike(dice: &mut Dice, troops: &mut [Troop]) {
    let (colour, low) = (troops[0].colour(), dice.below(8));
    let near = |troop: &Troop| u32::from(troop.rank()).wrapping_sub(low + 1) < 4;
    match dice.below(5) {
        0 => troops.sort_by_key(|troop| troop.colour() == colour),
        1 => troops.sort_by_key(near),
        2 => troops.sort_by_key(|troop| troop.colour() == colour && near(troop)),
        3 => troops.sort_by_key(|troop| u32::from(troop.rank()) == low + 1),
        _ => {}
    }
}

/// How often each verdict was given on a complete side, by what the other side misses.
#[derive(Default)]
struct Seen([[u32; 5]; 3]);

impl Seen {
    fn add(&mut self, verdict: Verdict, missing: usize) {
        self.0[verdict as usize][missing] += 1;
    }
}

/// Compares a share of all flags, so that the parts run side by side.
fn check_part(part: u32) {
    let (mut dice, mut seen) = (Dice::new(u64::from(part)), Seen::default());
    for number in 0..FLAGS / 4 {
        let tried = if number % 100 == 0 { MANY } else { TRIED };
        Situation::random(&mut dice, tried).check(&mut seen);
    }
    let Seen([yes, no, tie]) = seen;
    eprintln!("by cards missing: yes {yes:?}, no {no:?}, tie {tie:?}");
    assert!(yes.iter().chain(&no).all(|count| *count > 100), "every case is there often: {yes:?}, {no:?}");
    assert!(tie[0] > 100 && tie[1..].iter().all(|count| *count == 0), "{tie:?}");
}

#[test]
fn the_fast_judge_agrees_with_trying_everything_1() {
    check_part(1);
}

#[test]
fn the_fast_judge_agrees_with_trying_everything_2() {
    check_part(2);
}

#[test]
fn the_fast_judge_agrees_with_trying_everything_3() {
    check_part(3);
}

#[test]
fn the_fast_judge_agrees_with_trying_everything_4() {
    check_part(4);
}
