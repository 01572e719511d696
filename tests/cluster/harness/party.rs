//! Many games at once on some nodes, played and judged by `nineflags-tools load`, while a test does harm.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use nineflags_tools::load;
use nineflags_tools::load::options::LoadOptions;
use nineflags_tools::load::report::Report;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::process::until;
use super::site::Site;

/// How long a whole run may take: far more than it should.
const WITHIN: Duration = Duration::from_mins(8);

/// A run under way.
pub struct Party {
    run: JoinHandle<Result<Report, String>>,
    records: watch::Receiver<u64>,
}

/// The options, as on the command line.
pub fn options(to: &[SocketAddr], more: &str) -> LoadOptions {
    let to: Vec<String> = to.iter().map(|address| format!("http://{address}")).collect();
    let line = format!("load --to {} --sources 127.0.0.10-127.0.0.30 {more}", to.join(","));
    LoadOptions::parse_from(line.split_whitespace())
}

impl Party {
    /// Begins to play.
    pub fn begin(to: &[SocketAddr], more: &str) -> Self {
        let (tell, records) = watch::channel(0);
        let listen = move |line: &str| {
            if let Some(number) = number_before(line, " records") {
                tell.send_replace(number);
            }
        };
        Self { run: tokio::spawn(load::run(options(to, more), listen)), records }
    }

    /// Waits until so many records were made.
    pub async fn until_records(&mut self, wanted: u64) {
        let reached = timeout(WITHIN, self.records.wait_for(|records| *records >= wanted)).await;
        reached.expect("games in time").expect("the run goes on");
    }

    /// Waits for the end of the run, prints what was measured, and gives the report.
    #[expect(clippy::print_stdout, reason = "what was measured is printed, not asserted")]
    pub async fn end(self) -> Report {
        let run = timeout(WITHIN, self.run).await.expect("an end in time").expect("a task");
        let report = run.expect("a run");
        println!("{report}");
        report
    }
}

/// Whether all games were played, judged and archived, and nothing is left of them.
pub fn in_order(site: &Site, report: &Report, games: u64) {
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.games_started, report.games_archived), (games, games), "{report}");
    assert_eq!(report.went_back, 0, "{report}");
    until("all seats are free", || site.ask::<Vec<String>>(&["KEYS", "seat:*"]).is_empty());
    until("no table is left", || site.ask::<u64>(&["SCARD", "tables"]) == 0);
    until("nobody is online", || site.ask::<u64>(&["HLEN", "online"]) == 0);
}

/// The number before some words in a line of progress.
fn number_before(line: &str, words: &str) -> Option<u64> {
    let before = line.split_once(words)?.0;
    before.rsplit(' ').next()?.parse().ok()
}
