//! What a host asks of the stores.

use std::time::Duration;

use tokio::time::timeout;

use super::{DATA_WITHIN, Published, Shared};
use crate::host::{Command, Reply, TableInfo};
use crate::ids::TableId;
use crate::redis::error::StoreError;
use crate::store::archive::ArchivedGame;
use crate::table::copy::Copy;

/// Carries a command out; what could not be done is logged.
pub(super) async fn carry_out(shared: &Shared, table: TableId, info: &TableInfo, command: Command) -> Reply {
    match reply_to(shared, table, info, command).await {
        Ok(reply) => reply,
        Err(error) => {
            tracing::warn!(%table, %error, "a table's exchange failed");
            Reply::Failed { may_pass: error.may_pass() }
        }
    }
}

async fn reply_to(
    shared: &Shared,
    table: TableId,
    info: &TableInfo,
    command: Command,
) -> Result<Reply, StoreError> {
    let (store, place) = (&shared.store, info.shard);
    Ok(match command {
        Command::Append(proposal, mover, patience) => {
            let patience = patience.unwrap_or(Duration::MAX);
            Reply::Appended(shared.append(place, table, &proposal, mover, patience).await?)
        }
        Command::Read => Reply::Entries(store.game_read(place, table).await?),
        Command::Info => {
            let read = async { tokio::try_join!(store.table_info(table), store.now_ms()) };
            let (info, now_ms) = in_time(shared, read).await?;
            Reply::Info(info.map(Box::new), now_ms)
        }
        Command::DurableInfo => {
            let info = store.data().settled(store.table_info(table)).await?;
            Reply::Info(info.map(Box::new), store.estimated_now_ms())
        }
        Command::Where(account) => {
            let found = in_time(shared, store.entered(&[account])).await?;
            Reply::Where(found.into_iter().next().flatten().map(|at| at.node))
        }
        Command::SavedCounts(accounts) => Reply::Counts(in_time(shared, store.saved_counts(accounts)).await?),
        Command::Watch(count) => {
            Reply::Watchers(in_time(shared, store.table_watchers(table, shared.node, count)).await?)
        }
        Command::Say(account, request, said) => {
            let published = serde_json::to_string(&Published::Said(said.clone()))?;
            in_time(shared, store.talk_say(table, account, &request, &said, &published)).await?;
            Reply::Done(true)
        }
        Command::Ended => Reply::Ended(match in_time(shared, store.table_info(table)).await {
            Ok(None) => store.put_away(table).await?,
            Ok(Some(_)) | Err(_) => None,
        }),
        Command::KeepStream => {
            store.game_keep(place, table).await?;
            Reply::Done(true)
        }
        Command::SavedAfter(number) => Reply::Entries(store.saved_after(table, number).await?),
        Command::Resumed => Reply::Done(store.table_resumed(table, info).await?),
        Command::Finish(chain) => Reply::Done(finish(shared, info, &chain).await?),
        Command::DropStream(tip) => {
            store.game_drop_later(place, table, &tip).await?;
            Reply::Done(true)
        }
        Command::Close => {
            store.table_close(table, info).await?;
            Reply::Done(true)
        }
        Command::Deadline => {
            store.deadline_set(table, shared.abandoned_ms).await?;
            Reply::Done(true)
        }
    })
}

/// Puts the game into the archive or among the saved games; false where another node has put it away. The archive is waited
/// for no longer than until it is known to be away: the table stays as it is, and can be looked at.
async fn finish(shared: &Shared, info: &TableInfo, chain: &Copy) -> Result<bool, StoreError> {
    let Some(game) = ArchivedGame::of(chain) else { return Ok(false) };
    if chain.stopped() {
        return shared.store.saved_put(&game, &info.made_ms).await;
    }
    let archive = shared.store.archive();
    tokio::select! {
        put = async {
            let keep = shared.store.archive_keeps(&game, shared.archive_least).await?;
            shared.store.archive_put(&game, keep).await
        } => put.map(|()| true),
        () = archive.away() => Err(StoreError::Unavailable("it is away".to_owned()).at(archive.name())),
    }
}

/// What the data group answers, if it does so soon: moves wait for the table meanwhile.
pub(super) async fn in_time<T>(
    shared: &Shared,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let data = shared.store.data();
    let late = |words: &str| Err(StoreError::Unavailable(words.to_owned()).at(data.name()));
    tokio::select! {
        asked = timeout(DATA_WITHIN, asked) => asked.unwrap_or_else(|_| late("no answer in time")),
        () = data.away() => late("it is away"),
    }
}
