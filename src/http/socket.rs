//! The websocket's handshake, on warp's filters; the session takes over from there.

use std::sync::Arc;

use http::StatusCode;
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::reply::Response;

use super::Http;
use super::answer::Failure;
use crate::protocol::CloseCode;
use crate::session;
use crate::session::socket::Socket;

/// The subprotocol; a bot need not offer it.
const SUBPROTOCOL: &str = "nineflags.1";

/// Answers a handshake, and starts the session once the connection is a websocket.
pub async fn open(
    http: Arc<Http>,
    headers: HeaderMap,
    cookie: Option<String>,
    upgrade: Option<OnUpgrade>,
) -> Response {
    match shake(&http, &headers, upgrade) {
        Ok((response, upgrade)) => {
            tokio::spawn(start(http, cookie, upgrade));
            response
        }
        Err(failure) => failure.into_response(),
    }
}

fn shake(
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

/// A new task, so that what the handshake needed is freed.
async fn start(http: Arc<Http>, cookie: Option<String>, upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    let socket = Socket::open(parts.io.into_inner(), parts.read_buf.to_vec()).await;
    match http.account_of(cookie).await {
        Ok(login) => session::serve(Arc::clone(&http.app), login, socket).await,
        Err(failure) if failure.is_logged_out() => socket.outbox().close(CloseCode::LoggedOut),
        Err(_) => socket.outbox().close(CloseCode::Unavailable),
    }
}
