//! `nineflags-tools`: plays against nodes, measures them beside others, and judges positions and games.

use std::fmt::Display;
use std::process::ExitCode;

use nineflags::config::parsed;
use nineflags_tools::bench::options::BenchOptions;
use nineflags_tools::load::options::LoadOptions;
use nineflags_tools::{Cli, Command, Judged, bench, judge, load};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let cli: Cli = match parsed() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let done = match cli.command {
        Command::Judge { what } => judge(what),
        Command::Load(options) => load(*options),
        Command::Bench(options) => bench(&options),
        Command::Floor(options) => on_one_thread(bench::floor::serve(options)).map(|()| ExitCode::SUCCESS),
        Command::Hold(options) => on_one_thread(bench::hold::hold(options)).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|words| {
        #[expect(clippy::print_stderr, reason = "who started the tool reads here why it ended")]
        {
            eprintln!("nineflags-tools: {words}");
        }
        ExitCode::FAILURE
    })
}

fn judge(what: Judged) -> Result<ExitCode, String> {
    let (input, output) = (std::io::stdin().lock(), std::io::BufWriter::new(std::io::stdout().lock()));
    let judged = match what {
        Judged::Flags => judge::flags(input, output),
        Judged::Games => judge::games(input, output),
    };
    judged.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
}

fn load(options: LoadOptions) -> Result<ExitCode, String> {
    let json = options.json;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let report = runtime.block_on(load::run(options, tell))?;
    conclude(&report, json, report.is_clean())
}

fn bench(options: &BenchOptions) -> Result<ExitCode, String> {
    let report = on_one_thread(bench::run(options, tell))?;
    conclude(&report, options.json, report.meets_bars() || !options.bars)
}

/// Runs what measures, or is measured, on one processor only.
fn on_one_thread<T>(task: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(task)
}

#[expect(clippy::print_stderr, reason = "progress, beside the report on standard output")]
fn tell(words: &str) {
    eprintln!("{words}");
}

fn conclude(report: &(impl Serialize + Display), json: bool, is_good: bool) -> Result<ExitCode, String> {
    let text = if json {
        serde_json::to_string(report).map_err(|error| error.to_string())?
    } else {
        report.to_string()
    };
    #[expect(clippy::print_stdout, reason = "the report is what the command is for")]
    {
        println!("{text}");
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
