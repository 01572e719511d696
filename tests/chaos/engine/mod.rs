//! Breaks a cluster under full play, and judges what the players were told.

pub mod clock;
pub mod cost;
pub mod cut;
pub mod disk;
pub mod fault;
pub mod harm;
pub mod options;
pub mod report;
pub mod site;
pub mod visitors;
pub mod watch;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use nineflags_tools::load;
use nineflags_tools::load::choice::Dice;
use nineflags_tools::load::history::What;
use nineflags_tools::load::options::LoadOptions;
use nineflags_tools::load::report::Report as Play;
use nineflags_tools::load::stage::Stage;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use self::cost::{Span, cost, ms};
use self::fault::{Bag, Fault};
use self::harm::{Begun, Skipped, Undo, begin, undo};
use self::options::{Options, REST_LEAST_MS};
use self::report::{Line, Report};
use self::site::Site;
use self::visitors::Visitors;
use self::watch::{Seen, Watch};
use crate::harness::net::Net;
use crate::harness::node::ORIGIN;

/// How long a cluster may take to be whole again after a fault.
const WHOLE_WITHIN: Duration = Duration::from_mins(2);
/// How long the judge may take.
const JUDGED_WITHIN: Duration = Duration::from_mins(10);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    site: Site,
    stage: Arc<Stage>,
    play: JoinHandle<Result<Play, String>>,
    visitors: Option<Visitors>,
    runtime: &'a Runtime,
    began: Instant,
    dice: Dice,
    tell: &'a dyn Fn(&str),
    inflicted: Vec<Inflicted>,
    skipped: BTreeMap<String, String>,
    violations: Vec<String>,
}

/// A fault that is over.
struct Inflicted {
    fault: Fault,
    with: Option<Fault>,
    words: String,
    span: Span,
}

/// Plays, breaks and judges; `tell` is told what is done.
pub fn run(options: &Options, tell: &dyn Fn(&str)) -> Result<Report, String> {
    let seed = options.seed.unwrap_or_else(|| u64::from(rand_seed()));
    tell(&format!("seed {seed}: --seed {seed} draws the same faults"));
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let site = Site::start(options);
    let stage = runtime.block_on(Stage::open(load_options(options, seed, &site)))?;
    let stage = Arc::new(stage);
    let play = runtime.spawn(load::run_on(Arc::clone(&stage), |_| {}));
    let sentinels: Vec<SocketAddr> = site.trio.sentinels.iter().map(|sentinel| sentinel.address).collect();
    let watch = Watch::begin(&sentinels, site.addresses());
    let run = Run {
        options,
        site,
        stage,
        play,
        visitors: None,
        runtime: &runtime,
        began: Instant::now(),
        dice: Dice::new(seed),
        tell,
        inflicted: Vec::new(),
        skipped: BTreeMap::new(),
        violations: Vec::new(),
    };
    run.until_the_end(seed, watch)
}

/// A seed from chance, short enough to be typed.
fn rand_seed() -> u32 {
    u32::from_le_bytes(nineflags::chance::bytes())
}

fn load_options(options: &Options, seed: u64, site: &Site) -> LoadOptions {
    let to: Vec<String> = site.addresses().iter().map(|address| format!("http://{address}")).collect();
    // Many, since a node lets few guests in from one.
    let sources = site.net.as_ref().map_or_else(
        |_| "127.0.0.10-127.0.0.30".to_owned(),
        |Net { sources: (first, last), .. }| format!("{first}-{last}"),
    );
    let Options { pairs, watchers, pause_ms, .. } = options;
    let origin = if site.net.is_ok() { format!("--origin {ORIGIN}") } else { String::new() };
    let line = format!(
        "load --to {} --sources {sources} --pairs {pairs} --watchers {watchers} --pause-ms {pause_ms} \
         --seed {seed} {origin} --games {} --stuck-secs 600",
        to.join(","),
        u32::MAX
    );
    LoadOptions::parse_from(line.split_whitespace())
}

impl Run<'_> {
    fn until_the_end(mut self, seed: u64, watch: Watch) -> Result<Report, String> {
        self.until_all_play()?;
        let nodes = self.site.addresses();
        self.visitors = Some(self.runtime.block_on(Visitors::come(&nodes, seed))?);
        if self.options.script.is_empty() {
            let deadline = Instant::now() + Duration::from_secs_f64(self.options.minutes * 60.0);
            let mut bag = Bag::of(self.options.bag());
            while Instant::now() < deadline && !self.is_over() {
                let fault = bag.draw(&mut self.dice);
                let both = self.dice.below(100) < self.options.overlap;
                let with = both.then(|| bag.draw(&mut self.dice));
                self.one(fault, with);
            }
        } else {
            for fault in &self.options.script {
                if !self.is_over() {
                    self.one(*fault, None);
                }
            }
        }
        self.say("quiet, then the last games are played to their end");
        if self.is_over() {
            self.stage.give_up();
        }
        sleep(Duration::from_secs(self.options.quiet_secs));
        if let Some(visitors) = self.visitors.take() {
            let broken = self.runtime.block_on(visitors.leave());
            for words in &broken {
                self.violate(words);
            }
        }
        let ended = Instant::now();
        let play = self.last_games()?;
        let watched = watch.end();
        self.look_at_logs();
        Ok(self.report(seed, play, &watched, ended))
    }

    /// Whether no more faults are to come, before their time.
    fn is_over(&self) -> bool {
        self.play.is_finished() || self.options.stop_at_first && !self.violations.is_empty()
    }

    fn say(&self, words: &str) {
        (self.tell)(&format!("{:7.1} s  {words}", self.began.elapsed().as_secs_f64()));
    }

    fn until_all_play(&self) -> Result<(), String> {
        let deadline = Instant::now() + WHOLE_WITHIN;
        while self.stage.meters.counts().records < self.options.pairs as u64 * 4 {
            if Instant::now() > deadline || self.play.is_finished() {
                return Err("the players do not begin to play".to_owned());
            }
            sleep(LOOK_EVERY);
        }
        self.say(&format!("{} pairs play", self.options.pairs));
        Ok(())
    }

    /// Does one fault, or two at once, and waits until all is whole again and everybody has moved.
    fn one(&mut self, fault: Fault, with: Option<Fault>) {
        let places = self.stage.history.places();
        let mut undos = Vec::new();
        let Some(first) = self.begin(fault, &mut undos) else { return };
        let Begun { mut words, began, mut hit, .. } = first;
        let mut second = None;
        if let Some(with) = with {
            let later = Duration::from_millis(self.dice.below(3_000) as u64);
            self.undo_until(Instant::now() + later, &mut undos);
            if let Some(begun) = self.begin(with, &mut undos) {
                words = format!("{words}; and {}", begun.words);
                hit.extend(begun.hit);
                second = Some(with);
            }
        }
        if let Some(last) = undos.iter().map(|(at, _)| *at).max() {
            self.undo_until(last, &mut undos);
        }
        for number in self.site.ended() {
            self.violate(&format!("node {number} ended by itself, after: {words}"));
            self.site.start_node(number);
        }
        if let Err(missing) = self.site.settle(WHOLE_WITHIN) {
            self.violate(&format!("not whole again after {WHOLE_WITHIN:?}: {missing}; after: {words}"));
        }
        let whole = Instant::now();
        self.until_all_moved(whole, &words);
        let more = usize::try_from(self.options.rest_ms - REST_LEAST_MS).unwrap_or(usize::MAX);
        sleep(Duration::from_millis(REST_LEAST_MS + self.dice.below(more) as u64));
        let next = Instant::now();
        let span = Span { began, whole, next, hit, places };
        self.inflicted.push(Inflicted { fault, with: second, words, span });
    }

    /// Begins a fault, and notes when it is to be undone.
    fn begin(&mut self, fault: Fault, undos: &mut Vec<(Instant, Undo)>) -> Option<Begun> {
        match begin(fault, &mut self.site, &mut self.dice) {
            Ok(begun) => {
                self.say(&format!("{}: {}", fault.name(), begun.words));
                for words in &begun.violations {
                    self.violate(words);
                }
                let now = Instant::now();
                undos.extend(begun.undo.iter().map(|(after, undo)| (now + *after, undo.clone())));
                Some(begun)
            }
            Err(Skipped(words)) => {
                self.say(&format!("{} is skipped: {words}", fault.name()));
                self.skipped.insert(fault.name(), words);
                None
            }
        }
    }

    /// Undoes what is due, until a time.
    fn undo_until(&mut self, until: Instant, undos: &mut Vec<(Instant, Undo)>) {
        undos.sort_by_key(|(at, _)| *at);
        while undos.first().is_some_and(|(at, _)| *at <= until) {
            let (at, what) = undos.remove(0);
            sleep(at.saturating_duration_since(Instant::now()));
            if let Err(words) = undo(&what, &mut self.site) {
                self.violate(&format!("{what:?}: {words}"));
            }
        }
        sleep(until.saturating_duration_since(Instant::now()));
    }

    /// Waits until every pair has moved, or ended its game, since all is whole.
    fn until_all_moved(&mut self, whole: Instant, words: &str) {
        let within = Duration::from_secs(self.options.moved_secs);
        let deadline = whole + within;
        loop {
            let still = self.not_moved_since(whole);
            if still.is_empty() {
                return;
            }
            if Instant::now() > deadline {
                let places = self.stage.history.places();
                let still: Vec<String> =
                    still.iter().map(|pair| format!("{pair} at {:?}", places.get(pair))).collect();
                self.violate(&format!(
                    "pairs {still:?} did not move for {within:?} after all was whole; after: {words}"
                ));
                return;
            }
            sleep(LOOK_EVERY);
        }
    }

    fn not_moved_since(&self, whole: Instant) -> Vec<usize> {
        let events = self.stage.history.events();
        let newest: HashMap<usize, Instant> = events
            .iter()
            .filter(|event| matches!(event.what, What::Accepted { .. }))
            .map(|event| (event.pair, event.at))
            .collect();
        (0..self.options.pairs).filter(|pair| newest.get(pair).is_none_or(|at| *at < whole)).collect()
    }

    fn violate(&mut self, words: &str) {
        let at_s = self.began.elapsed().as_secs_f64();
        self.say(&format!("VIOLATION {words}"));
        self.violations.push(format!("{at_s:.1} s: {words}"));
    }

    /// Lets the running games end, and has the play judged.
    fn last_games(&mut self) -> Result<Play, String> {
        if let Ok(clocks) = &self.site.clocks {
            clocks.wrong_times().iter().for_each(|times| self.stage.history.distrust(times.clone()));
        }
        self.stage.finish_games();
        let deadline = Instant::now() + Duration::from_secs(self.options.last_secs);
        while !self.play.is_finished() {
            if Instant::now() > deadline {
                // Whoever still plays says what it waits for; that is a violation.
                self.stage.give_up();
            }
            if Instant::now() > deadline + JUDGED_WITHIN {
                return Err("the judge does not come to an end".to_owned());
            }
            sleep(LOOK_EVERY);
        }
        let runtime = self.runtime;
        runtime.block_on(&mut self.play).map_err(|error| error.to_string())?
    }

    /// A node must never panic.
    fn look_at_logs(&mut self) {
        for number in 0..self.site.nodes.len() {
            let text = std::fs::read_to_string(self.site.log(number)).unwrap_or_default();
            let panics: Vec<String> =
                text.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect();
            for line in panics {
                self.violate(&format!("node {number}: {line}"));
            }
        }
    }

    fn report(self, seed: u64, play: Play, watched: &Seen, ended: Instant) -> Report {
        let events = self.stage.history.events();
        let line = |Inflicted { fault, with, words, span }: &Inflicted| {
            let overlaps = |(from, until, _): &&(Instant, Instant, &'static str)| {
                *from < span.next && span.began < *until
            };
            let void = watched.void.iter().find(overlaps).map(|(_, _, why)| *why);
            let within = |at: &Instant| span.began <= *at && *at < span.next.min(ended);
            let named = watched.named.iter().find(|at| within(at));
            let healed = watched.healed.iter().filter(|(at, _)| within(at));
            Line {
                fault: *fault,
                with: *with,
                at_s: span.began.duration_since(self.began).as_secs_f64(),
                words: words.clone(),
                whole_s: span.whole.duration_since(span.began).as_secs_f64(),
                void: with.map_or(void, |_| Some("two faults at once")),
                named_ms: named.map(|at| ms(at.duration_since(span.began))),
                cost: cost(span, &events),
                healed: healed.map(|(_, records)| records).sum(),
            }
        };
        let lines: Vec<Line> = self.inflicted.iter().map(line).collect();
        let mut violations = self.violations;
        violations.extend(play.violations.iter().cloned());
        let bars = Report::bars(&lines);
        Report { seed, bars, lines, skipped: self.skipped, play, violations }
    }
}
