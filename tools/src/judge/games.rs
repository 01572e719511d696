//! One whole game, played again beside its record under the rules it was played by; the first difference ends it.

use std::str::FromStr;

use nineflags::ids::Malformed;
use nineflags::rules::card::{Card, Deck, Decks, Tactic, Troop};
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::{Game, Phase};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use serde::Deserialize;
use serde_json::Value;

use super::{RULES, word};

/// A whole game.
#[derive(Deserialize)]
struct GameLine {
    first: usize,
    hands: [Vec<Troop>; 2],
    troop_deck: Vec<Troop>,
    tactic_deck: Vec<Tactic>,
    plies: Vec<Value>,
    /// 0 or 1, or -1 for nobody; not checked if it is not given.
    winner: Option<i64>,
    end: Option<String>,
    flags: Option<Vec<Option<i64>>>,
}

/// One step of it; lists that are not given are not checked.
#[derive(Deserialize)]
struct Ply {
    p: usize,
    k: String,
    #[serde(default)]
    m: String,
    legal: Option<Vec<String>>,
    got: Option<Card>,
    #[serde(default)]
    cand: Vec<Candidate>,
    #[serde(default, rename = "try")]
    tried: Option<Vec<FlagIndex>>,
    #[serde(default)]
    won: Vec<FlagIndex>,
}

/// A flag that may be claimed or not: `ok` by the program that played, `off` by the rules.
#[derive(Deserialize)]
struct Candidate {
    f: FlagIndex,
    ok: Option<bool>,
    off: Option<String>,
    last: Option<usize>,
}

/// The number of plies of a game without a difference, or the number of the first ply with one (as many as there are, if
/// it is the result) and what it is.
pub(super) fn judge(line: &Value) -> Result<usize, (usize, String)> {
    let at = |ply| move |why| (ply, why);
    let line = GameLine::deserialize(line).map_err(|error| at(0)(error.to_string()))?;
    let mut replay = Replay::of(&line).map_err(at(0))?;
    for (number, ply) in line.plies.iter().enumerate() {
        replay.ply(ply).map_err(at(number))?;
    }
    replay.result(&line).map_err(at(line.plies.len()))?;
    Ok(line.plies.len())
}

/// A game played again.
struct Replay {
    game: Game,
    /// The player who sits on the first seat.
    first: usize,
    /// The claims of this turn have been looked at.
    claims_seen: bool,
}

impl Replay {
    fn of(line: &GameLine) -> Result<Self, String> {
        if line.first > 1 || line.hands.iter().any(|hand| hand.len() != 7) {
            return Err("the deal is not seven troops for each of two players".to_owned());
        }
        let troops = [&line.hands[line.first], &line.hands[1 - line.first], &line.troop_deck];
        let decks = Decks {
            troops: troops.into_iter().flatten().copied().collect(),
            tactics: line.tactic_deck.clone(),
        };
        decks.check().map_err(|malformed| malformed.to_string())?;
        Ok(Self { game: Game::start(RULES, &decks), first: line.first, claims_seen: false })
    }

    fn ply(&mut self, ply: &Value) -> Result<(), String> {
        let ply = Ply::deserialize(ply).map_err(|error| error.to_string())?;
        let turn = self.game.turn().ok_or("the game is over already")?;
        if ply.k == "resign" && ply.p <= 1 {
            let seat = if ply.p == self.first { Seat::First } else { Seat::Second };
            return self.make(seat, Move::Resign);
        }
        if ply.p != self.player(turn) {
            return Err(format!("player {} is on turn, not {}", self.player(turn), ply.p));
        }
        match ply.k.as_str() {
            "claim" => self.claim(turn, &ply),
            "skip" => self.skip(turn),
            "play" => self.play(turn, &ply),
            "draw" => self.draw(turn, &ply, Phase::Draw),
            "scout_draw" => self.draw(turn, &ply, Phase::ScoutDraw),
            "scout_return" => self.give_back(turn, &ply),
            other => Err(format!("`{other}` is not a kind of ply")),
        }
    }

    fn player(&self, seat: Seat) -> usize {
        if seat == Seat::First { self.first } else { 1 - self.first }
    }

    fn claim(&mut self, seat: Seat, ply: &Ply) -> Result<(), String> {
        self.in_phase(Phase::Play)?;
        if self.claims_seen {
            return Err("the claims of this turn have been made".to_owned());
        }
        let complete: Vec<FlagIndex> = self.game.claimable().collect();
        let given: Vec<FlagIndex> = ply.cand.iter().map(|candidate| candidate.f).collect();
        if complete != given {
            return Err(format!("complete at {}, not {}", listed(&complete), listed(&given)));
        }
        for candidate in &ply.cand {
            self.candidate(seat, candidate, ply)?;
        }
        for flag in &ply.won {
            if !complete.contains(flag) || self.game.flag(*flag).owner.is_some() {
                return Err(format!("flag {flag} cannot be claimed"));
            }
            // Also where the program was wrong, and after the flag that wins, so that its games are followed to their
            // ends.
            self.game.grant(*flag);
        }
        self.claims_seen = true;
        Ok(())
    }

    /// Compares one verdict, and whether the flag was won with what the program itself said of it.
    fn candidate(&self, seat: Seat, candidate: &Candidate, ply: &Ply) -> Result<(), String> {
        let Candidate { f, ok, off, last } = candidate;
        let flag = self.game.flag(*f);
        let verdict = word(flag.verdict(seat, self.game.unplayed()));
        if let Some(off) = off.as_deref().filter(|off| *off != verdict) {
            return Err(format!("flag {f}: the verdict is {verdict}, not {off}"));
        }
        let placer = flag.last_placer.map(|seat| self.player(seat));
        if last.is_some() && *last != placer {
            return Err(format!("flag {f}: player {} laid the last card", shown(placer)));
        }
        let (Some(ok), Some(tried)) = (ok, &ply.tried) else { return Ok(()) };
        if (*ok && tried.contains(f)) != ply.won.contains(f) {
            return Err(format!("flag {f}: what was tried is not what was won"));
        }
        Ok(())
    }

    fn skip(&mut self, seat: Seat) -> Result<(), String> {
        self.in_phase(Phase::Play)?;
        self.after_claims()?;
        same(&["pass".to_owned()], self.legal())?;
        self.make(seat, Move::Pass)
    }

    fn play(&mut self, seat: Seat, ply: &Ply) -> Result<(), String> {
        self.in_phase(Phase::Play)?;
        self.after_claims()?;
        let legal = self.legal().into_iter().flat_map(|text| {
            let decks = Deck::BOTH.into_iter().filter(|deck| self.game.left(*deck) > 0);
            if text == "Sc" { decks.map(|deck| format!("Sc {deck}")).collect() } else { vec![text] }
        });
        compare(ply, legal.collect())?;
        let Some(deck) = ply.m.strip_prefix("Sc ") else {
            return self.make(seat, parse(&ply.m)?);
        };
        let deck: Deck = parse(deck)?;
        self.make(seat, Move::Scout)?;
        self.make(seat, Move::Draw(deck))?;
        self.drawn(seat, ply.got)
    }

    fn draw(&mut self, seat: Seat, ply: &Ply, phase: Phase) -> Result<(), String> {
        self.in_phase(phase)?;
        let decks = self.legal().into_iter().map(|text| text.trim_start_matches("draw ").to_owned());
        compare(ply, decks.collect())?;
        let deck: Deck = parse(&ply.m)?;
        self.make(seat, Move::Draw(deck))?;
        self.drawn(seat, ply.got)
    }

    fn give_back(&mut self, seat: Seat, ply: &Ply) -> Result<(), String> {
        self.in_phase(Phase::ScoutReturn)?;
        // Between two decks the order means nothing: only the tactics card first is listed.
        let listed = self.legal().into_iter().filter_map(|text| {
            let cards = text.trim_start_matches("return ");
            let crossed = cards.split_once(' ').is_some_and(|(under, top)| {
                let deck = |text: &str| text.parse::<Card>().map(Card::deck);
                deck(under) == Ok(Deck::Troops) && deck(top) == Ok(Deck::Tactics)
            });
            (!crossed).then(|| cards.to_owned())
        });
        compare(ply, listed.collect())?;
        self.make(seat, parse(&format!("return {}", ply.m))?)
    }

    fn in_phase(&self, phase: Phase) -> Result<(), String> {
        let now = self.game.phase();
        if now == phase { Ok(()) } else { Err(format!("the phase is {now:?}, not {phase:?}")) }
    }

    /// A turn with a complete flag begins with the claims.
    fn after_claims(&self) -> Result<(), String> {
        match self.game.claimable().next() {
            Some(flag) if !self.claims_seen => Err(format!("flag {flag} could be claimed first")),
            _ => Ok(()),
        }
    }

    fn legal(&self) -> Vec<String> {
        let mut moves = Vec::new();
        self.game.legal_moves(&mut moves);
        moves.iter().map(ToString::to_string).collect()
    }

    fn make(&mut self, seat: Seat, mv: Move) -> Result<(), String> {
        if mv == Move::Pass && self.legal().contains(&mv.to_string()) {
            // By the rules of tables a second one in a row would end the game.
            self.game.next_turn();
        } else {
            self.game.play(seat, mv).map_err(|illegal| format!("{mv}: {illegal}"))?;
        }
        self.claims_seen &= self.game.turn() == Some(seat);
        Ok(())
    }

    fn drawn(&self, seat: Seat, got: Option<Card>) -> Result<(), String> {
        let drawn = self.game.hand(seat).last();
        if got.is_none() || got == drawn {
            return Ok(());
        }
        Err(format!("drew {}, not {}", shown(drawn), shown(got)))
    }

    /// Compares the winner, the flags and by what the game ended.
    fn result(&self, line: &GameLine) -> Result<(), String> {
        let ending = self.game.ending();
        let winner = ending.and_then(|ending| ending.winner).map(|seat| self.player(seat));
        let player = |number: i64| usize::try_from(number).ok();
        if let Some(given) = line.winner.map(player).filter(|given| *given != winner) {
            return Err(format!("the winner is {}, not {}", shown(winner), shown(given)));
        }
        if let Some(end) = line.end.as_deref().filter(|end| !self.ended_by(end)) {
            return Err(format!("it did not end by {end}"));
        }
        let owners = self.game.owners().map(|owner| owner.map(|seat| self.player(seat)));
        let given = line.flags.as_ref();
        let given = given.map(|flags| flags.iter().map(|owner| owner.and_then(player)).collect::<Vec<_>>());
        match given {
            Some(given) if given != owners => Err(format!("the flags belong to {owners:?}, not {given:?}")),
            _ => Ok(()),
        }
    }
    /// Whether the game ended as the word says; words not known are not checked.
    fn ended_by(&self, end: &str) -> bool {
        let Some(ending) = self.game.ending() else { return end == "stuck" };
        let won = self.game.owners().map(|owner| owner.is_some() && owner == ending.winner);
        let three = won.windows(3).any(|run| run.iter().all(|won| *won));
        let five = won.iter().filter(|won| **won).count() >= 5;
        match end {
            "breakthrough" => three && !five,
            "envelopment" => five && !three,
            // Several flags claimed at once met both conditions.
            "both" => three && five,
            // Where neither can go on, that program plays for ever; the rules know a stand-off.
            "stuck" => false,
            _ => true,
        }
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or("nothing".to_owned(), |value| value.to_string())
}

fn listed(flags: &[FlagIndex]) -> String {
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    format!("[{}]", flags.join(", "))
}

fn parse<T: FromStr<Err = Malformed>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|malformed: Malformed| malformed.to_string())
}

/// Compares what is legal with what the ply lists.
fn compare(ply: &Ply, legal: Vec<String>) -> Result<(), String> {
    ply.legal.as_ref().map_or(Ok(()), |given| same(given, legal))
}

/// Compares two lists of moves, whatever their order; the first difference is the answer.
fn same(given: &[String], mut found: Vec<String>) -> Result<(), String> {
    let mut given = given.to_vec();
    given.sort_unstable();
    found.sort_unstable();
    if given == found {
        return Ok(());
    }
    let missing = given.iter().find(|text| !found.contains(text));
    let more = found.iter().find(|text| !given.contains(text));
    Err(match (missing, more) {
        (Some(text), _) => format!("`{text}` is not legal here"),
        (None, Some(text)) => format!("`{text}` is legal here and not listed"),
        (None, None) => "a move is listed twice".to_owned(),
    })
}
