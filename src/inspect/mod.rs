//! `nineflags inspect`: shows an operator the whole cluster as Redis and the live nodes tell it, once or again and again.

pub mod print;
pub mod read;

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep_until};

use self::read::{Inspected, Reader};
use crate::config::InspectConfig;
use crate::redis::roles::RedisUrls;

/// Puts the cursor at the top of an empty screen.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Why nothing, or nothing more, is shown.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("{0}")]
    Where(#[from] crate::config::NoStore),
    #[error("{0}")]
    Read(#[from] read::ReadError),
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// Shows what was asked for, once, or until Ctrl-C if it is to be watched.
pub async fn run(config: InspectConfig) -> Result<(), InspectError> {
    let urls = config.store.urls()?;
    let shown = tokio::select! {
        shown = show(&config, &urls) => shown,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    match shown {
        // Whoever reads has seen enough, as `head` does.
        Err(InspectError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn show(config: &InspectConfig, urls: &RedisUrls) -> Result<(), InspectError> {
    let Some(every) = config.watch.map(Duration::from_secs) else {
        let inspected = Reader::new(urls).read(&config.what).await?;
        write(&text_of(&inspected, config.json))?;
        return Ok(());
    };
    let mut reader = Reader::new(urls);
    let clear = !config.json && std::io::stdout().is_terminal();
    loop {
        let next = Instant::now() + every;
        let text = match reader.read(&config.what).await {
            Ok(inspected) => text_of(&inspected, config.json),
            // Whoever watches wants to see it come back.
            Err(error) if config.json => format!("{}\n", json!({ "error": error.to_string() })),
            Err(error) => format!("{error}\n"),
        };
        write(&if clear { format!("{CLEAR}{text}") } else { text })?;
        sleep_until(next).await;
    }
}

fn text_of(inspected: &Inspected, json: bool) -> String {
    if !json {
        return print::text(inspected);
    }
    let text = serde_json::to_string(inspected).expect("what was read has string keys and finite numbers");
    format!("{text}\n")
}

fn write(text: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
