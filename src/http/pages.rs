//! What can be read: the page itself, its assets, players, finished games, and whether the node is well.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};
use serde::Serialize;
use serde_json::json;
use warp::path::{FullPath, Tail};
use warp::reply::Response;

use super::answer::{self, Failure};
use super::assets::{self, Asset, QUICKLY};
use super::query::Query;
use super::replay::Range;
use super::{Http, plain};
use crate::ids::{AccountId, AccountName, TableId};
use crate::protocol::GameRow;
use crate::store::archive::GAMES_PAGE;

/// The addresses that are the page; what it shows is the browser's matter.
const PAGES: [&str; 9] = ["table", "game", "player", "games", "rules", "account", "login", "lobby", "watch"];
/// How long files with a hash in their address may be kept: they never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// How long a replay is kept without asking again: another version of the server may write it otherwise.
const FOR_A_WHILE: &str = "public, max-age=3600";
/// Pages of a list, at most.
const PAGE_MAX: usize = 10_000;

/// Which page of a list, counted from 0.
fn page_of(query: &Query) -> Result<usize, Failure> {
    let words = format!("`page` is a whole number from 0 to {PAGE_MAX}.");
    let page = |text: &str| text.parse().ok().filter(|page| *page <= PAGE_MAX);
    Ok(query.value("page", &words, page)?.unwrap_or_default())
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

type Answer = Result<Response, Failure>;

impl Http {
    /// A player, by its name or by its account, which archived games tell, and its finished games.
    pub async fn player(who: String, http: Arc<Self>, query: Query) -> Answer {
        let page = page_of(&query)?;
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
        let (games, more) = store.archive_of(account.id, page, GAMES_PAGE).await?;
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

    pub async fn games(http: Arc<Self>, query: Query) -> Answer {
        let (games, more) = http.app.store.archive_recent(page_of(&query)?).await?;
        Ok(answer::json(&json!({ "games": games, "more": more })))
    }

    /// A finished game with everything needed to replay it: its records, and the whole view after each of them, or after
    /// those that are asked for.
    pub async fn game(id: String, query: Query, http: Arc<Self>, headers: HeaderMap) -> Answer {
        let words = "`views` is `none`, `last`, or the numbers of the first and the last record wanted, as in `20-39`.";
        let range = query.value("views", words, Range::parse)?.unwrap_or_default();
        let nothing =
            || Failure::new(StatusCode::NOT_FOUND, "no_game", "There is no finished game of that name.");
        let table: TableId = id.parse().map_err(|_| nothing())?;
        let pack = takes_brotli(&headers);
        // Another version may show the same game otherwise.
        let tag =
            format!("\"{}-{table}-{range}{}\"", env!("CARGO_PKG_VERSION"), if pack { "-br" } else { "" });
        let is_known = has_tag(&headers, &tag);
        let unchanged = || tagged(Bytes::new(), &tag, false, StatusCode::NOT_MODIFIED);
        let packed = match http.replays.kept(table, range) {
            Some(_) if is_known => return Ok(unchanged()),
            Some(kept) => kept,
            None => {
                let game = http.app.store.archive_show(table).await?.ok_or_else(nothing)?;
                if is_known {
                    return Ok(unchanged());
                }
                http.replays.make(game, range).await?
            }
        };
        let replay = if pack { packed } else { http.replays.unpack(packed).await? };
        Ok(tagged(replay, &tag, pack, StatusCode::OK))
    }

    pub fn readyz(&self, near: bool) -> Response {
        let (status, words) = self.readiness.borrow().told();
        let short = if status.is_success() { "ready\n" } else { "not ready\n" };
        let mut response = if near { plain(words) } else { plain(short) };
        *response.status_mut() = status;
        response
    }

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
        let key = (hash, path.as_str().to_owned());
        if let Some(kept) = http.assets.kept(&key) {
            return encoded(&kept, &headers, FOR_EVER);
        }
        match http.app.store.asset(&key.0, &key.1).await {
            Ok(Some(content)) => {
                let name = key.1.clone();
                let asset = tokio::task::spawn_blocking(move || assets::asset(&name, content, QUICKLY));
                let Ok(asset) = asset.await else { return nothing() };
                let response = encoded(&asset, &headers, FOR_EVER);
                http.assets.keep(key, asset);
                response
            }
            Ok(None) => nothing(),
            Err(error) => Failure::from(error).into_response(),
        }
    }

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
        let mut parts = coding.split(';').map(|part| part.trim().to_ascii_lowercase());
        let is_brotli = parts.next().as_deref() == Some("br");
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        is_brotli && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Whether a browser has this very answer already.
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let held = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut held = held.flat_map(|value| value.split(',')).map(|held| held.trim().trim_start_matches("W/"));
    held.any(|held| held == tag || held == "*")
}

fn tagged(body: Bytes, tag: &str, packed: bool, status: StatusCode) -> Response {
    let mut response = answer::typed(body, "application/json", FOR_A_WHILE);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    if packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
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
