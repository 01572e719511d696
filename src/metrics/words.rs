//! What requests are called in metrics.

use crate::protocol::Ask;

/// What a request is called on the wire.
pub fn kind_of(ask: &Ask) -> &'static str {
    match ask {
        Ask::Ping => "ping",
        Ask::Lobby(_) => "lobby",
        Ask::LeaveLobby => "leave_lobby",
        Ask::Invite { .. } => "invite",
        Ask::Accept { .. } => "accept",
        Ask::Decline { .. } => "decline",
        Ask::Withdraw { .. } => "withdraw",
        Ask::Move { .. } => "move",
        Ask::Resign { .. } => "resign",
        Ask::Save { .. } => "save",
        Ask::ClaimWin { .. } => "claim_win",
        Ask::Watch { .. } => "watch",
        Ask::Unwatch { .. } => "unwatch",
        Ask::Seen { .. } => "seen",
        Ask::Tell { .. } => "tell",
        Ask::Say { .. } => "say",
        Ask::Block { .. } => "block",
        Ask::DropSaved { .. } => "drop_saved",
        Ask::Unblock { .. } => "unblock",
    }
}
