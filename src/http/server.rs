//! The accept loop: time-outs, `TCP_NODELAY`, a bound on connections, and headers that every answer has.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::{Http, Peer, routes};

/// How long a request's head may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may last that has not become a websocket.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);
/// Bytes of a request's head, at most.
const HEAD_MAX: usize = 8 * 1024;
/// Connections of a node that have not become websockets, at most.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// The only scripts, styles, pictures and connections are the site's own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Accepts connections until told to stop, and ends once those that were busy then have their answers.
pub async fn serve(listener: TcpListener, http: Arc<Http>, mut stop: watch::Receiver<bool>) {
    let trust_forwarded = http.app.config.trust_forwarded;
    let service = warp::service(routes(&http));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                    let connection =
                        connection(stream, address, trust_forwarded, service.clone(), stop.clone());
                    connections.spawn(async move {
                        // A connection that fails or lasts too long concerns nobody else.
                        let _ = timeout(CONNECTION_TIMEOUT, connection).await;
                        drop(permit);
                    });
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

async fn connection<S>(
    stream: TcpStream,
    address: SocketAddr,
    trust_forwarded: bool,
    service: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<http::Request<hyper::body::Incoming>, Response = warp::reply::Response, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    // Small updates must not wait for one another.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let answer = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        let peer = if trust_forwarded { forwarded(request.headers()) } else { None };
        request.extensions_mut().insert(Peer(peer.unwrap_or(address.ip())));
        let reply = service.clone().call(request);
        async move {
            let mut response = reply.await?;
            secure(response.headers_mut());
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// The address the balancer saw.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let all = headers.get_all(HeaderName::from_static("x-forwarded-for"));
    all.iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}
