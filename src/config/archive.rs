//! What `nineflags archive` is asked.

use std::path::PathBuf;

use clap::Subcommand;

use super::StoreAt;
use crate::ids::TableId;
use crate::setting::table_id;

/// What `nineflags archive` does.
#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// Write every finished game that is not there yet into a folder, one file each.
    Export {
        /// The folder.
        folder: PathBuf,
        /// The archive.
        #[command(flatten)]
        of: StoreAt,
    },
    /// Take the games of a folder into the archive; what is there already stays.
    Import {
        /// The folder.
        folder: PathBuf,
        /// The archive.
        #[command(flatten)]
        to: StoreAt,
    },
    /// Print a finished game: who played, how it ended, and its records.
    Show {
        /// The game's id.
        #[arg(value_parser = table_id)]
        id: TableId,
        /// The archive.
        #[command(flatten)]
        of: StoreAt,
    },
    /// Replay every record of every game, in a folder or in the archive, and print what is not as it was played.
    Verify {
        /// The folder; without it the archive itself.
        folder: Option<PathBuf>,
        /// The archive.
        #[command(flatten)]
        of: StoreAt,
    },
}
