//! `nineflags-tools`: plays against nodes, and judges positions and games.

use std::process::ExitCode;

use nineflags::config::parsed;
use nineflags_tools::load::options::LoadOptions;
use nineflags_tools::{Cli, Command, Judged, judge, load};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli: Cli = match parsed() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let done = match cli.command {
        Command::Judge { what } => judge(what),
        Command::Load(options) => load(*options),
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
    let tell = |words: &str| {
        #[expect(clippy::print_stderr, reason = "progress, beside the report on standard output")]
        {
            eprintln!("{words}");
        }
    };
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let report = runtime.block_on(load::run(options, tell))?;
    let text = if json { serde_json::to_string(&report).unwrap_or_default() } else { report.to_string() };
    #[expect(clippy::print_stdout, reason = "the report is what the command is for")]
    {
        println!("{text}");
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
