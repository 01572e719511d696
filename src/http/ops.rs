//! What operators and balancers ask, on a listener of its own: `/healthz`, `/readyz`, `/metrics`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Readiness;
use crate::cluster::pulse::Pulse;
use crate::metrics;

/// Connections at once, at most: the newest is closed beyond it.
const CONNECTIONS_MAX: usize = 64;
/// How long one may last.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);
/// Pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Workers that have said nothing for so long are blocked: the node serves nobody.
pub const SILENT_MAX: Duration = Duration::from_secs(3);
/// How Prometheus calls its text.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// What is told there.
pub struct Ops {
    /// Whether the node can serve, by its own word.
    pub readiness: watch::Receiver<Readiness>,
    /// Whether its workers work.
    pub pulse: Arc<Pulse>,
}

impl Ops {
    fn readiness(&self) -> Readiness {
        let silent = self.pulse.silent_for();
        if silent > SILENT_MAX {
            metrics::ready(false);
            return Readiness::NotReady(format!("its workers have not answered for {} s", silent.as_secs()));
        }
        self.readiness.borrow().clone()
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "That cannot be done here.\n");
        }
        match path {
            "/healthz" => answer(StatusCode::OK, PLAIN, "alive\n"),
            "/readyz" => {
                let (status, words) = self.readiness().told();
                answer(status, PLAIN, words)
            }
            "/metrics" => {
                drop(self.readiness());
                answer(StatusCode::OK, METRICS_TYPE, metrics::render(self.pulse.sizes()))
            }
            _ => answer(StatusCode::NOT_FOUND, PLAIN, "There is nothing here.\n"),
        }
    }
}

impl Readiness {
    pub fn told(&self) -> (StatusCode, String) {
        match self {
            Readiness::Ready => (StatusCode::OK, "ready\n".to_owned()),
            Readiness::Reduced(how) => (StatusCode::OK, format!("ready, but {how}\n")),
            Readiness::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        }
    }
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers for ever.
pub async fn serve(listener: TcpListener, ops: Arc<Ops>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                    let ops = Arc::clone(&ops);
                    connections.spawn(async move {
                        // One that fails or lasts too long concerns nobody else.
                        let _ = timeout(CONNECTION_WITHIN, connection(stream, &ops)).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection for health could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, ops: &Ops) -> hyper::Result<()> {
    let answer = service_fn(async |request: Request<hyper::body::Incoming>| {
        Ok::<_, Infallible>(ops.answer(request.method(), request.uri().path()))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_WITHIN)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}
