//! The one binary: serves the site, looks inside a cluster, and cares for it.

use std::io::IsTerminal;
use std::process::ExitCode;

use nineflags::archive_files::{self, Outcome};
use nineflags::config::archive::ArchiveCommand;
use nineflags::config::{Cli, Command, LogFormat, RedisCommand, ServeConfig, StoreAt, misspelt, parsed};
use nineflags::redis::failover;
use nineflags::store::Store;
use nineflags::{inspect, node, rebalance};
use nix::sys::stat::{Mode, umask};
use tracing::{Level, Metadata};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, filter, fmt};

fn main() -> ExitCode {
    // Whatever is written from here on is for nobody else: accounts, decks, secrets, exported games.
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    let cli: Cli = match parsed() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match cli.command {
        Command::Serve(config) => serve(*config),
        Command::Inspect(config) => once(inspect::run(config)),
        Command::Rebalance(config) => once(rebalance::run(config)),
        Command::Redis { what: RedisCommand::Failover { group, of } } => once(failover::run(&group, &of)),
        Command::Archive { what } => archive(what),
    }
}

fn serve(config: ServeConfig) -> ExitCode {
    let filter = match EnvFilter::try_new(&config.log) {
        Ok(filter) => filter,
        Err(error) => return failed(&format!("--log: {error}")),
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_coloured());
    let log = tracing_subscriber::registry().with(filter);
    match config.log_format {
        LogFormat::Text => log.with(lines.with_filter(filter::filter_fn(is_told))).init(),
        LogFormat::Json => log.with(lines.json().with_filter(filter::filter_fn(is_told))).init(),
    }
    for words in misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        tracing::warn!("{words}");
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let served = runtime.block_on(node::serve(config, |address| {
        #[expect(clippy::print_stdout, reason = "who started the node reads here where it serves")]
        {
            println!("Nine Flags is ready at http://{address}/");
        }
    }));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Libraries tell at their finer levels what passes through them: letters, passwords, cookies. That is never logged, whatever
/// the settings say.
fn is_told(of: &Metadata<'_>) -> bool {
    of.target().starts_with("nineflags") || *of.level() <= Level::INFO
}

/// Colours are for people at a terminal who have not asked for none (<https://no-color.org>).
fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A command that does one thing and ends.
fn once<E: std::fmt::Display>(command: impl Future<Output = Result<(), E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(command)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}

fn archive(what: ArchiveCommand) -> ExitCode {
    let work = async {
        let store = async |at: StoreAt| {
            let urls = at.urls().map_err(|error| error.to_string())?;
            Store::connect(urls).await.map_err(|error| error.to_string())
        };
        let (done, outcome) = match what {
            ArchiveCommand::Show { id, of } => {
                let shown = archive_files::show(&store(of).await?, id).await;
                return Ok(Err(shown.map_err(|error| error.to_string())?));
            }
            ArchiveCommand::Export { folder, of } => {
                ("written", archive_files::export(&store(of).await?, &folder).await)
            }
            ArchiveCommand::Import { folder, to } => {
                ("taken in", archive_files::import(&store(to).await?, &folder).await)
            }
            ArchiveCommand::Verify { folder: Some(folder), .. } => {
                ("checked", archive_files::verify_files(&folder))
            }
            ArchiveCommand::Verify { folder: None, of } => {
                ("checked", archive_files::verify_store(&store(of).await?).await)
            }
        };
        Ok(Ok((done, outcome.map_err(|error| error.to_string())?)))
    };
    match with_runtime(work) {
        Ok(Ok((done, outcome))) => archive_outcome(done, &outcome),
        Ok(Err(shown)) => {
            #[expect(clippy::print_stdout, reason = "the game is what the command is for")]
            {
                print!("{shown}");
            }
            ExitCode::SUCCESS
        }
        Err(words) => failed(&words),
    }
}

#[expect(clippy::print_stdout, reason = "what came of it is what the command is for")]
fn archive_outcome(done: &str, outcome: &Outcome) -> ExitCode {
    for fault in &outcome.faults {
        println!("{fault}");
    }
    let Outcome { games, already, faults } = outcome;
    println!("{games} games {done}, {already} there already, {} not as they were played", faults.len());
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn with_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(work)
}

fn failed(words: &str) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "who started the node reads here why it does not serve")]
    {
        eprintln!("nineflags: {words}");
    }
    ExitCode::FAILURE
}
