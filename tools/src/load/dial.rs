//! Connections from this machine's addresses to the nodes': plain HTTP exchanges, and websockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::options::Address;

/// How long a connection and its handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer over HTTP may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer, at most; a replayed game has some hundred thousand.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a websocket's buffers to begin with.
const BUFFER: usize = 4 * 1024;

/// One websocket.
pub type WebSocket = WebSocketStream<TcpStream>;

/// A node or a balancer, found.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host and port, as in the Host header.
    pub host: String,
    /// Where that is.
    pub socket: SocketAddr,
    /// The site's own origin.
    pub origin: String,
}

impl Target {
    /// A server at an address of this machine, opened by that address.
    pub fn at(socket: SocketAddr) -> Self {
        Self { host: socket.to_string(), socket, origin: format!("http://{socket}") }
    }

    /// Looks an address up. Without an origin it is what people open.
    pub async fn find(address: &Address, origin: Option<&str>) -> Result<Self, String> {
        let found = tokio::net::lookup_host(&address.host).await;
        let mut found = found.map_err(|error| format!("{}: {error}", address.host))?;
        let socket = found.next().ok_or_else(|| format!("{} is nowhere", address.host))?;
        let origin = origin.map_or_else(|| format!("http://{}", address.host), str::to_owned);
        Ok(Self { host: address.host.clone(), socket, origin })
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The cookie that was set, `name=value`.
    pub cookie: Option<String>,
    /// The body.
    pub body: String,
}

/// A connection from an address of this machine, or from any.
async fn connect(to: &Target, from: Option<IpAddr>, within: Duration) -> Result<TcpStream, String> {
    let connecting = async {
        let socket = if to.socket.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(to.socket).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    let connected = timeout(within, connecting).await.map_err(|_| "no connection in time")?;
    connected.map_err(|error| error.to_string())
}

/// One request on a connection of its own: a GET, or a POST of JSON.
pub async fn exchange(
    to: &Target,
    from: Option<IpAddr>,
    path: &str,
    post: Option<&str>,
) -> Result<Reply, String> {
    let stream = connect(to, from, CONNECT_TIMEOUT).await?;
    let exchange = async {
        let words = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
        let connection = tokio::spawn(connection);
        let request = http::Request::builder()
            .method(if post.is_some() { "POST" } else { "GET" })
            .uri(path)
            .header("host", &to.host)
            .header("origin", &to.origin)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(post.unwrap_or_default().to_owned())))
            .map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(words)?;
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        drop(sender);
        connection.abort();
        let body = String::from_utf8(body.into()).map_err(|error| error.to_string())?;
        Ok(Reply { status, cookie, body })
    };
    timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| "no answer in time".to_owned())?
}

/// A websocket of a login, over which what changes at a table comes alone, as browsers have it.
pub async fn websocket(to: &Target, from: Option<IpAddr>, cookie: &str) -> Result<WebSocket, String> {
    open(to, from, "/socket?tables=changes", Some(cookie), CONNECT_TIMEOUT).await
}

/// Any websocket: its connection and its handshake may take so long each.
pub async fn open(
    to: &Target,
    from: Option<IpAddr>,
    path: &str,
    cookie: Option<&str>,
    within: Duration,
) -> Result<WebSocket, String> {
    let stream = connect(to, from, within).await?;
    let uri = format!("ws://{}{path}", to.host);
    let mut request = uri.into_client_request().map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    let header = |text: &str| text.parse().map_err(|_| "a header cannot be sent");
    if let Some(cookie) = cookie {
        headers.insert("cookie", header(cookie)?);
    }
    headers.insert("origin", header(&to.origin)?);
    // Small ones, since thousands of bots have one each.
    let buffers = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    let shaking = tokio_tungstenite::client_async_with_config(request, stream, Some(buffers));
    let shaken = timeout(within, shaking).await.map_err(|_| "no handshake in time")?;
    shaken.map(|(socket, _)| socket).map_err(|error| error.to_string())
}
