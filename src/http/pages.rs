//! What can be read: the page itself, its assets, players, finished games, and whether the node is well.

use std::sync::Arc;

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::path::{FullPath, Tail};
use warp::reply::Response;

use super::answer::{self, Failure};
use super::assets::{self, Asset, brotli};
use super::{Http, plain};
use crate::ids::{AccountId, AccountName, TableId};
use crate::protocol::GameRow;
use crate::rules::view::{View, Viewer};
use crate::store::archive::{ArchivedGame, GAMES_PAGE};
use crate::table::copy::Copy;
use crate::table::copy::LogLine;

/// The addresses that are the page; what it shows is the browser's matter.
const PAGES: [&str; 9] = ["table", "game", "player", "games", "rules", "account", "login", "lobby", "watch"];
/// How long files with a hash in their address may be kept: they never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Pages of a list, at most.
const PAGE_MAX: usize = 10_000;

/// Which page of a list.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    /// Counted from 0.
    #[serde(default)]
    page: usize,
}

#[derive(Serialize)]
struct PlayerPage<'a> {
    account: AccountId,
    name: &'a AccountName,
    guest: bool,
    since_ms: u64,
    online: bool,
    games: Vec<GameRow>,
    more: bool,
}

#[derive(Serialize)]
struct GamePage<'a> {
    #[serde(flatten)]
    game: &'a ArchivedGame,
    views: Vec<View>,
    log: Vec<LogLine>,
}

type Answer = Result<Response, Failure>;

impl Http {
    /// A player, by its name or by its account, which archived games tell, and its finished games.
    pub async fn player(who: String, http: Arc<Self>, query: PageQuery) -> Answer {
        let nobody = || Failure::new(StatusCode::NOT_FOUND, "nobody", "Nobody has that name.");
        let store = &http.app.store;
        let id = if let Ok(id) = who.parse::<AccountId>() {
            id
        } else {
            let name: AccountName = who.parse().map_err(|_| nobody())?;
            store.account_id(&name).await?.ok_or_else(nobody)?
        };
        let gone = || Failure::new(StatusCode::NOT_FOUND, "deleted", "There is no such account any more.");
        let account = store.account(id).await?.ok_or_else(gone)?;
        let (games, more) = store.archive_of(account.id, query.page.min(PAGE_MAX), GAMES_PAGE).await?;
        let online = store.is_online(account.id).await?;
        let since_ms = account.created_ms;
        Ok(answer::json(&PlayerPage {
            account: account.id,
            name: &account.name,
            guest: account.guest,
            since_ms,
            online,
            games,
            more,
        }))
    }

    /// Recently finished games.
    pub async fn games(http: Arc<Self>, query: PageQuery) -> Answer {
        let (games, more) = http.app.store.archive_recent(query.page.min(PAGE_MAX)).await?;
        Ok(answer::json(&json!({ "games": games, "more": more })))
    }

    /// A finished game with everything needed to replay it: its records, and the whole view after each of them.
    pub async fn game(id: String, http: Arc<Self>, headers: HeaderMap) -> Answer {
        let nothing =
            || Failure::new(StatusCode::NOT_FOUND, "no_game", "There is no finished game of that name.");
        let table: TableId = id.parse().map_err(|_| nothing())?;
        let game = http.app.store.archive_show(table).await?.ok_or_else(nothing)?;
        let text = tokio::task::spawn_blocking(move || replayed(&game)).await;
        let text = text.ok().flatten().ok_or_else(|| {
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", "This game cannot be replayed.")
        })?;
        let packed = if takes_brotli(&headers) { brotli(text.as_bytes()) } else { None };
        let asset = Asset { plain: text.into(), brotli: packed, media: "application/json" };
        Ok(encoded(&asset, &headers, FOR_EVER))
    }

    /// Whether the node can serve, or why not.
    pub fn readyz(&self, near: bool) -> Response {
        let (status, words) = self.readiness.borrow().told();
        let short = if status.is_success() { "ready\n" } else { "not ready\n" };
        let mut response = if near { plain(words) } else { plain(short) };
        *response.status_mut() = status;
        response
    }

    /// The page of metrics, for operators only.
    pub fn metrics(&self, near: bool) -> Response {
        if !near {
            return nothing();
        }
        answer::typed(self.app.metrics(), "text/plain; version=0.0.4; charset=utf-8", "no-store")
    }

    /// A file of the browser client; one of another version, whose page came from another node, is in the store.
    pub async fn asset(hash: String, path: Tail, http: Arc<Self>, headers: HeaderMap) -> Response {
        if hash == http.assets.hash {
            return http
                .assets
                .get(path.as_str())
                .map_or_else(nothing, |asset| encoded(asset, &headers, FOR_EVER));
        }
        if !assets::is_hash(&hash) {
            return nothing();
        }
        match http.app.store.asset(&hash, path.as_str()).await {
            Ok(Some(content)) => encoded(&assets::asset(path.as_str(), content), &headers, FOR_EVER),
            Ok(None) => nothing(),
            Err(error) => Failure::from(error).into_response(),
        }
    }

    /// The page.
    pub fn page(&self, path: &FullPath, headers: &HeaderMap) -> Response {
        let first = path.as_str().trim_start_matches('/').split('/').next().unwrap_or_default();
        if path.as_str() == "/" || PAGES.contains(&first) {
            encoded(&self.assets.index, headers, "no-cache")
        } else {
            nothing()
        }
    }
}

fn nothing() -> Response {
    Failure::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.").into_response()
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("br") && parts.next() != Some("q=0")
    })
}

fn encoded(asset: &Asset, headers: &HeaderMap, keep: &'static str) -> Response {
    let packed = asset.brotli.as_ref().filter(|_| takes_brotli(headers));
    let body = packed.unwrap_or(&asset.plain).clone();
    let mut response = answer::typed(body, asset.media, keep);
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    if packed.is_some() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

/// The game as JSON, with the view after each record; all cards are shown, since the game is over.
fn replayed(game: &ArchivedGame) -> Option<String> {
    let mut copy = Copy::open(game.table);
    let mut views = Vec::with_capacity(game.entries.len());
    for (number, entry) in (0..).zip(&game.entries) {
        copy.accept(number, std::slice::from_ref(entry));
        views.push(copy.game()?.open_view());
    }
    let (_, log) = copy.view(Viewer::Watcher)?;
    serde_json::to_string(&GamePage { game: &game.clone().without_ids(), views, log }).ok()
}
