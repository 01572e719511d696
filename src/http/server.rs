//! The accept loop and what goes for every request: time-outs, bounds, whom it is charged to, and headers that every answer
//! has.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service;
use warp::reply::Response;

use super::answer::Failure;
use super::cookies::NewCookie;
use super::forwarded::forwarded;
use super::waiting::{Place, Waiting};
use super::wire::Wire;
use super::{BODY_MAX, Caller, Http, Peer, routes, wrong_method};
use crate::limits::{Held, Key, Limit, Limits, Refused, Source};
use crate::metrics;

/// How long a request may take to arrive, head and body together, and how long a connection may be idle.
pub const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer that a browser has to take each second, beyond the time for its next request.
const TAKEN_PER_SEC: u64 = 16 * 1024;
/// Bytes of a request's head, at most.
const HEAD_MAX: usize = 16 * 1024;
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// The log is told of balancers that say nothing readable so often, at most.
const SAY_EVERY_SECS: u64 = 60;
/// The only scripts, styles, pictures and connections are the site's own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Browsers remember for a year that the site is opened over TLS only.
const TLS_ONLY: &str = "max-age=31536000";
/// Requests of a connection that may be refused one after the other: a flood is not answered for ever.
pub const REFUSALS_MAX: u32 = 20;
/// Cookies that a request brings for its price; so many more cost as much as another request.
pub const COOKIES_A_REQUEST: usize = 16;
/// What those ask who look after the node: it has a limit of its own, so that pages use nothing of it up.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Accepts connections until told to stop, and ends once those that were busy then have their answers.
pub async fn serve(listener: TcpListener, http: Arc<Http>, mut stop: watch::Receiver<bool>) {
    let service = warp::service(routes(&http));
    let waiting = Waiting::new(&http.app.limits, http.app.files.not_yet_websockets);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    // Behind a balancer each request is charged to whom it comes from.
                    let known = !http.app.config.trust_forwarded;
                    let source = known.then(|| Key::from(Source::of(address.ip())));
                    // Small updates must not wait for one another.
                    let place = tokio::select! {
                        place = waiting.place(source, REQUEST_WITHIN) => place,
                        _ = stop.changed() => break,
                    };
                    let Some(place) = place.filter(|_| stream.set_nodelay(true).is_ok()) else { continue };
                    let (http, place) = (Arc::clone(&http), Arc::new(place));
                    let entry = Entry { http, address, place, service: service.clone(), refused: Arc::default() };
                    connections.spawn(entry.serve(stream, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

/// One connection, until it ends or becomes a websocket.
#[derive(Clone)]
struct Entry<S> {
    http: Arc<Http>,
    address: SocketAddr,
    place: Arc<Place>,
    service: S,
    /// Requests that limits refused since one was let through.
    refused: Arc<AtomicU32>,
}

impl<S> Entry<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    async fn serve(self, stream: TcpStream, mut stop: watch::Receiver<bool>) {
        let place = Arc::clone(&self.place);
        let answer = service_fn(move |request| self.clone().answer(request));
        let connection = http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(Wire::new(stream, Arc::clone(&place))), answer)
            .with_upgrades();
        tokio::pin!(connection);
        let served = async {
            tokio::select! {
                served = &mut connection => served,
                _ = stop.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        // A head that is late is answered by `Wire`, which is polled first.
        tokio::select! {
            biased;
            served = served => if let Err(error) = served {
                tracing::debug!(%error, "a connection ended badly");
            },
            () = place.over() => {}
        }
    }

    /// Answers one request; nothing that goes wrong with it concerns another.
    async fn answer(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let is_head = request.method() == Method::HEAD;
        let http = Arc::clone(&self.http);
        let host = request.headers().get(HOST).cloned();
        let place = Arc::clone(&self.place);
        let refused = Arc::clone(&self.refused);
        place.has_head();
        let (mut response, held) = match self.admitted(request).await {
            Ok((request, mut service, held)) => (service.call(request).await?, held),
            Err(failure) => (failure.into_response(), Vec::new()),
        };
        drop(held);
        if response.status() != StatusCode::TOO_MANY_REQUESTS {
            refused.store(0, Ordering::Relaxed);
        } else if refused.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS_MAX
            && !http.app.config.trust_forwarded
        {
            // The connection of a balancer is that of many.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let bytes = response.body().size_hint().exact().unwrap_or_default();
            place.waits(REQUEST_WITHIN + Duration::from_secs(bytes / TAKEN_PER_SEC));
            if is_head {
                response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
                *response.body_mut() = Vec::new().into();
            }
        }
        if let Some(cookie) = response.extensions_mut().remove::<NewCookie>() {
            let host = host.as_ref().and_then(|host| host.to_str().ok());
            http.write_cookie(response.headers_mut(), host, &cookie);
        }
        secure(response.headers_mut(), http.site.is_https());
        Ok(response)
    }

    /// The whole request, once it has arrived in time and is within all limits; with what it holds until it is answered.
    async fn admitted(
        self,
        request: Request<Incoming>,
    ) -> Result<(Request<Full<Bytes>>, S, Vec<Held>), Failure> {
        let Self { http, address, place, service, .. } = self;
        let (mut parts, body) = request.into_parts();
        let mut held = Vec::new();
        let mut peer = Key::from(Source::of(address.ip()));
        if HEALTH.contains(&parts.uri.path()) {
            // A balancer's own looks name nobody; those of others, which it passes on, are not charged to it.
            let other = forwarded(&parts.headers).ok().filter(|_| http.app.config.trust_forwarded);
            http.app.limits.take(Limit::Health, other.map_or(peer, |other| Source::of(other).into()))?;
        } else {
            if http.app.config.trust_forwarded {
                peer = behind_balancer(&parts.headers, address.ip());
                held.push(http.app.limits.hold(Limit::Waiting, peer)?);
            }
            http.app.limits.take_many(Limit::Http, peer, cost(&parts.headers))?;
            held.extend(charge_read(&http.app.limits, parts.uri.path(), peer)?);
            let mut hosts = parts.headers.get_all(HOST).iter();
            let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
            if !http.site.is_asked(host) {
                let words = "This server has not been told that it is called so: see NINEFLAGS_ORIGIN.";
                return Err(Failure::new(StatusCode::FORBIDDEN, "foreign_host", words));
            }
        }
        // CONNECT, and whatever else names a host alone: the routes have paths only, and would panic.
        if parts.uri.path_and_query().is_none() {
            let words =
                "The request names no path: write it like GET /rules, and the host in the header Host.";
            return Err(Failure::new(StatusCode::BAD_REQUEST, "malformed", words));
        }
        if let Some(failure) = wrong_method(&parts.method, parts.uri.path()) {
            return Err(failure);
        }
        // HEAD is answered as GET; its body is left out at the end, and nothing comes of it.
        if parts.method == Method::HEAD {
            parts.method = Method::GET;
            parts.extensions.remove::<OnUpgrade>();
        }
        let body = match expected(&parts.headers) {
            Some(0) | None => Bytes::new(),
            Some(_) => arrived(body, &place).await?,
        };
        place.works();
        parts.extensions.insert(Peer(peer));
        parts.extensions.insert(Caller(address.ip()));
        parts.extensions.insert(place);
        Ok((Request::from_parts(parts, Full::new(body)), service, held))
    }
}

/// What a request costs: each of many cookies may have to be looked up.
fn cost(headers: &HeaderMap) -> u32 {
    let cookies =
        headers.get_all(COOKIE).iter().map(|cookies| cookies.as_bytes().split(|byte| *byte == b';').count());
    u32::try_from(1 + cookies.sum::<usize>() / COOKIES_A_REQUEST).unwrap_or(u32::MAX)
}

/// Charges what is read from the store, and says what is held as long as it is made.
fn charge_read(limits: &Limits, path: &str, peer: Key) -> Result<Option<Held>, Refused> {
    if path.starts_with("/api/game/") {
        limits.take(Limit::Replays, peer)?;
        return limits.hold(Limit::ReplaysAtOnce, peer).map(Some);
    }
    if path.starts_with("/api/player/") || path.starts_with("/api/games") {
        limits.take(Limit::Reads, peer)?;
    }
    Ok(None)
}

/// Bytes of the body, where it is short enough to be read; the routes refuse others unread.
fn expected(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (length <= BODY_MAX).then_some(length)
}

/// What is said of a request that comes too slowly.
pub fn late_words() -> String {
    format!("The request did not arrive within {} seconds.", REQUEST_WITHIN.as_secs())
}

async fn arrived(body: Incoming, place: &Place) -> Result<Bytes, Failure> {
    let late = || Failure::new(StatusCode::REQUEST_TIMEOUT, "late", late_words()).closing();
    let body = timeout(place.left(), body.collect()).await.map_err(|_| late())?;
    body.map(http_body_util::Collected::to_bytes).map_err(|_| late())
}

/// Whom a balancer asks for. Where it does not say that readably, all of its requests are charged together, and more widely
/// than one browser's: that is said in the log and counted.
fn behind_balancer(headers: &HeaderMap, balancer: IpAddr) -> Key {
    let written = match forwarded(headers) {
        Ok(address) => return Source::of(address).into(),
        Err(written) => written,
    };
    metrics::forwarded_unread();
    if said_lately() {
        return Key::Wide(Source::of(balancer));
    }
    if let Some(written) = written {
        let written: String = written.chars().take(100).collect();
        tracing::warn!(
            %balancer,
            written,
            "a balancer names no address that can be read: its requests share one limit"
        );
    } else {
        tracing::warn!(
            %balancer,
            "NINEFLAGS_TRUST_FORWARDED is true, but a request has no X-Forwarded-For: those without share one limit"
        );
    }
    Key::Wide(Source::of(balancer))
}

fn said_lately() -> bool {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    static SAID: AtomicU64 = AtomicU64::new(0);
    // Counted from 1, so that 0 means never.
    let now = BEGAN.elapsed().as_secs() + 1;
    let said = SAID.load(Ordering::Relaxed);
    let lately = said > 0 && now < said + SAY_EVERY_SECS;
    lately || SAID.compare_exchange(said, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
}

fn secure(headers: &mut HeaderMap, is_https: bool) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    for name in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("same-origin"));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
}
