//! The websocket's handshake, on warp's filters; the session takes over from there.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::reply::Response;

use super::answer::Failure;
use super::cookies::NewCookie;
use super::query::Query;
use super::waiting::Place;
use super::wire::Wire;
use super::{Http, Peer};
use crate::limits::Limit;
use crate::protocol::CloseCode;
use crate::session;
use crate::session::socket::Socket;

/// The subprotocol; a bot need not offer it.
const SUBPROTOCOL: &str = "nineflags.1";

/// How long a browser may take to become a websocket once it is told that it may.
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);

/// What a handshake brings along.
pub struct Shake {
    /// Whom it is charged to.
    pub peer: Peer,
    /// Its place among the connections that wait.
    pub place: Arc<Place>,
    /// The connection, once it has been answered.
    pub upgrade: Option<OnUpgrade>,
    /// What stands behind the `?`.
    pub query: Query,
}

/// Answers a handshake, and starts the session once the connection is a websocket. The login is looked at first, and the
/// connection keeps its place among those that wait until the welcome.
pub async fn open(http: Arc<Http>, headers: HeaderMap, cookie: Option<String>, shake: Shake) -> Response {
    let mut again = None;
    let answered = admit(&http, &headers, cookie, shake, &mut again).await;
    let mut response = answered.unwrap_or_else(Failure::into_response);
    if let Some(cookie) = again {
        response.extensions_mut().insert(cookie);
    }
    response
}

async fn admit(
    http: &Arc<Http>,
    headers: &HeaderMap,
    cookie: Option<String>,
    Shake { peer: Peer(peer), place, upgrade, query }: Shake,
    again: &mut Option<NewCookie>,
) -> Result<Response, Failure> {
    let limits = &http.app.limits;
    let changes = |value: &str| (value == "changes").then_some(true);
    let keeps_views = query.value("tables", "Of tables there are: changes.", changes)?.unwrap_or(false);
    let (response, upgrade) = shaken(http, headers, upgrade)?;
    limits.take(Limit::OpensFrom, peer)?;
    let held = limits.hold(Limit::Websockets, peer)?;
    let turn = http.app.sessions.turn().await;
    let login = match http.entering(cookie).await {
        Ok((login, cookie)) => {
            *again = cookie;
            limits.take(Limit::Opens, login.account.id)?;
            Ok(login)
        }
        // Programs and pages are told by a close code.
        Err(failure) if failure.is_logged_out() => Err(CloseCode::LoggedOut),
        Err(_) => Err(CloseCode::Unavailable),
    };
    drop(turn);
    place.waits(UPGRADE_WITHIN);
    let http = Arc::clone(http);
    // A new task, so that what the handshake needed is freed.
    tokio::spawn(async move {
        let leave = Arc::clone(&place);
        let upgraded = tokio::select! {
            upgraded = upgrade => upgraded.ok().and_then(|upgraded| upgraded.downcast::<TokioIo<Wire>>().ok()),
            () = leave.over() => None,
        };
        let Some(parts) = upgraded else { return };
        let stream = parts.io.into_inner().into_stream();
        match login {
            Ok(login) => {
                place.works();
                let payer = (http.app.limits.clone(), login.account.id, peer);
                let socket = Socket::open(stream, &parts.read_buf, payer);
                let app = Arc::clone(&http.app);
                // Again a new task, as small as the session is.
                tokio::spawn(session::serve(app, login, (socket, keeps_views), Box::new(place), held));
            }
            Err(code) => tokio::select! {
                () = Socket::refuse(stream, code) => {}
                () = leave.over() => {}
            },
        }
    });
    Ok(response)
}

fn shaken(
    http: &Http,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Result<(Response, OnUpgrade), Failure> {
    let is = |name, wanted: &str| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted)))
    };
    let wrong = |words| Failure::new(StatusCode::BAD_REQUEST, "handshake", words);
    if http.app.is_draining() {
        let words = "This server is ending: try another.";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "draining", words));
    }
    if http.app.sessions.count() >= http.app.files.websockets() {
        let words = "This server is full: try again in a while.";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "full", words));
    }
    // A program sends no Origin and no cookie it was not given; a page of another site sends its own.
    if headers.contains_key(ORIGIN) && !http.is_own_origin(headers) {
        return Err(Failure::new(StatusCode::FORBIDDEN, "foreign_origin", "That page is of another site."));
    }
    if !is(UPGRADE, "websocket") || !is(CONNECTION, "upgrade") {
        return Err(wrong("This address is for websockets."));
    }
    if !is(SEC_WEBSOCKET_VERSION, "13") {
        return Err(wrong("Only version 13 of the websocket protocol is spoken here."));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or_else(|| wrong("The handshake has no key."))?;
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = upgrade.ok_or_else(|| wrong("This connection cannot become a websocket."))?;
    let mut response = Response::new(Vec::new().into());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let reply = response.headers_mut();
    reply.insert(UPGRADE, HeaderValue::from_static("websocket"));
    reply.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        reply.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if is(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        reply.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok((response, upgrade))
}
