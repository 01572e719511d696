//! The far end of a websocket, as a browser or a bot would be: logs in over HTTP, asks, and remembers what it is told.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nineflags::ids::{AccountName, RequestId, TableId};
use nineflags::protocol::{Ask, Invites, NoticeCode, RefusalCode, Request, TableView, Update, Welcome};
use nineflags::table::options::TableOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request as Upgrade;

use super::node::origin_of;
use super::process::WITHIN;

/// How long a node may take to welcome before another is tried.
const WELCOME_WITHIN: Duration = Duration::from_secs(5);

/// An answer to an HTTP request.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The cookie that was set, `name=value`.
    pub cookie: Option<String>,
    /// The whole header that set it.
    pub set_cookie: Option<String>,
    /// All headers that set cookies.
    pub set_cookies: Vec<String>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

/// One HTTP request on a connection of its own, as a page of the site sends it.
pub async fn http(to: SocketAddr, method: &str, path: &str, cookie: &str, body: Option<&Value>) -> Reply {
    let body = body.map(Value::to_string).unwrap_or_default();
    let origin = origin_of(to);
    http_with(to, method, path, &[("origin", &origin), ("cookie", cookie)], &body).await
}

/// One HTTP request with these headers and no others but the needful.
pub async fn http_with(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = lines.concat();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\n{headers}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(to, request.as_bytes()).await;
    reply_of(&answer).unwrap_or_else(|| panic!("no answer: {answer}"))
}

fn reply_of(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let set_cookies = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.to_owned())
    });
    let set_cookies: Vec<String> = set_cookies.collect();
    let set_cookie = set_cookies.first().cloned();
    let cookie = set_cookie.as_ref().and_then(|value| value.split(';').next()).map(str::to_owned);
    Some(Reply { status, cookie, set_cookie, set_cookies, body: body.to_owned() })
}

/// The same without headers, where the node may not answer: nothing then.
pub async fn try_http(to: SocketAddr, method: &str, path: &str) -> Option<Reply> {
    try_exchange(to, &format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n")).await
}

/// What a page of the site sends with a body, where the node may not answer: nothing then.
pub async fn try_post(to: SocketAddr, path: &str, cookie: &str, body: &Value) -> Option<Reply> {
    let (origin, body) = (origin_of(to), body.to_string());
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\norigin: {origin}\r\ncookie: {cookie}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    try_exchange(to, &request).await
}

async fn try_exchange(to: SocketAddr, request: &str) -> Option<Reply> {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        reply_of(&answer)
    };
    timeout(WITHIN, exchange).await.ok()?
}

/// Sends bytes on a connection of their own, and reads until the node closes it.
pub async fn exchange(to: SocketAddr, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.expect("the node accepts");
        stream.write_all(bytes).await.expect("the request can be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the answer can be read");
        String::from_utf8_lossy(&answer).into_owned()
    };
    timeout(WITHIN, exchange).await.expect("an answer in time")
}

/// A logged-in player with an open websocket.
pub struct Browser {
    /// Its login.
    pub cookie: String,
    /// Its name.
    pub name: AccountName,
    /// The first update.
    pub welcome: Box<Welcome>,
    /// The newest view of any table.
    pub table: Option<TableView>,
    /// The newest invites.
    pub invites: Invites,
    /// Every text frame received, oldest first.
    pub frames: Vec<String>,
    /// How many frames had been received with each word that a game went back.
    pub went_back: Vec<usize>,
    /// The code the websocket was closed with.
    pub closed: Option<u16>,
    socket: WebSocketStream<TcpStream>,
    requests: u32,
}

impl Browser {
    /// Signs a new account up and connects.
    pub async fn sign_up(node: SocketAddr, name: &str) -> Self {
        let body = json!({"name": name, "password": "correct horse battery"});
        let reply = http(node, "POST", "/api/signup", "", Some(&body)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        Self::connect(node, reply.cookie.as_deref().expect("a login")).await
    }

    /// Plays as a guest.
    pub async fn guest(node: SocketAddr) -> Self {
        let reply = http(node, "POST", "/api/guest", "", Some(&json!({}))).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        Self::connect(node, reply.cookie.as_deref().expect("a login")).await
    }

    /// Connects with a login.
    pub async fn connect(node: SocketAddr, cookie: &str) -> Self {
        Self::over(open_socket(node, cookie).await, cookie).await
    }

    /// Connects as who keeps the views of tables.
    pub async fn keeping_views(node: SocketAddr, cookie: &str) -> Self {
        let stream = TcpStream::connect(node).await.expect("the node accepts");
        let shake = tokio_tungstenite::client_async(upgrade(node, "/socket?tables=changes", cookie), stream);
        Self::over(shake.await.expect("a websocket").0, cookie).await
    }

    /// Connects if the node is there and welcomes in time.
    pub async fn try_connect(node: SocketAddr, cookie: &str) -> Option<Self> {
        let connect = async {
            let stream = TcpStream::connect(node).await.ok()?;
            let (socket, _) =
                tokio_tungstenite::client_async(upgrade(node, "/socket", cookie), stream).await.ok()?;
            Self::welcomed(socket, cookie).await.ok()
        };
        timeout(WELCOME_WITHIN, connect).await.ok()?
    }

    /// Waits for the welcome on a websocket just opened.
    pub async fn over(socket: WebSocketStream<TcpStream>, cookie: &str) -> Self {
        let welcomed = timeout(WITHIN, Self::welcomed(socket, cookie)).await.expect("a welcome in time");
        welcomed.unwrap_or_else(|other| panic!("no welcome but {other}"))
    }

    async fn welcomed(mut socket: WebSocketStream<TcpStream>, cookie: &str) -> Result<Self, String> {
        let mut frames = Vec::new();
        let welcome = loop {
            match socket.next().await {
                Some(Ok(Frame::Text(text))) => {
                    frames.push(text.to_string());
                    match serde_json::from_str(&text).expect("an update") {
                        Update::Welcome(welcome) => break welcome,
                        other => panic!("the first update is the welcome, not {other:?}"),
                    }
                }
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                other => return Err(format!("{other:?}")),
            }
        };
        Ok(Self {
            cookie: cookie.to_owned(),
            name: welcome.you.name.clone(),
            table: welcome.table.as_deref().cloned(),
            invites: welcome.invites.clone(),
            welcome,
            frames,
            went_back: Vec::new(),
            closed: None,
            socket,
            requests: 0,
        })
    }

    /// Goes on with what an earlier websocket of the same player had received.
    pub fn continue_from(&mut self, earlier: Self) {
        let before = earlier.frames.len();
        self.frames.splice(0..0, earlier.frames);
        let since = self.went_back.iter().map(|place| place + before);
        self.went_back = earlier.went_back.into_iter().chain(since).collect();
    }

    /// Sends a request and waits for its answer; other updates are taken in meanwhile.
    pub async fn ask(&mut self, ask: Ask) -> Update {
        self.requests += 1;
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let id: RequestId = format!("{}-{}", self.requests, &unique[..12]).parse().expect("an id");
        self.ask_as(id, ask).await
    }

    /// The same, where the websocket may be closed meanwhile: nothing then.
    pub async fn try_ask(&mut self, ask: Ask) -> Option<Update> {
        let id: RequestId = format!("try-{}", uuid::Uuid::new_v4().simple()).parse().expect("an id");
        let text = serde_json::to_string(&Request { id: id.clone(), ask }).expect("a request is JSON");
        self.socket.send(Frame::text(text)).await.ok()?;
        loop {
            match self.next().await? {
                Update::Done { id: answered, .. } if answered == id => return None,
                refused @ Update::Refused { .. } => return Some(refused),
                _ => {}
            }
        }
    }

    /// One attempt of a request, on a websocket that may be closed meanwhile: nothing then.
    pub async fn ask_if_open(&mut self, id: &RequestId, ask: &Ask) -> Option<Update> {
        let request = Request { id: id.clone(), ask: ask.clone() };
        let text = serde_json::to_string(&request).expect("a request is JSON");
        self.socket.send(Frame::text(text)).await.ok()?;
        loop {
            let update = self.next().await?;
            if is_answer_to(&update, id) {
                return Some(update);
            }
        }
    }

    /// The same with a chosen request id.
    pub async fn ask_as(&mut self, id: RequestId, ask: Ask) -> Update {
        let text = serde_json::to_string(&Request { id: id.clone(), ask }).expect("a request is JSON");
        self.send_text(&text).await;
        self.until("the answer", |update| is_answer_to(update, &id)).await
    }

    /// Sends any frame.
    pub async fn send(&mut self, frame: Frame) {
        self.socket.send(frame).await.expect("the websocket takes a frame");
    }

    /// The same on a websocket that the node may have closed.
    pub async fn try_send(&mut self, frame: Frame) -> Result<(), String> {
        self.socket.send(frame).await.map_err(|error| error.to_string())
    }

    /// Sends any text as a frame.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Frame::text(text)).await.expect("the websocket takes a frame");
    }

    /// Takes updates in until one satisfies `test`; fails if none does in time.
    pub async fn until(&mut self, what: &str, test: impl Fn(&Update) -> bool) -> Update {
        let wait = async {
            loop {
                let Some(update) = self.next().await else {
                    let last = self.frames.last().map_or("", String::as_str);
                    panic!("closed with {:?} before {what}, after {last}", self.closed)
                };
                if test(&update) {
                    return update;
                }
            }
        };
        timeout(WITHIN, wait).await.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    /// The next update; nothing when the websocket is closed.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            match self.socket.next().await? {
                Ok(Frame::Text(text)) => {
                    self.frames.push(text.to_string());
                    let update: Update = serde_json::from_str(&text).expect("an update");
                    match &update {
                        Update::Table(view) => self.table = Some((**view).clone()),
                        Update::Invites(invites) => self.invites = invites.clone(),
                        Update::Notice { code: NoticeCode::WentBack, .. } => {
                            self.went_back.push(self.frames.len());
                        }
                        _ => {}
                    }
                    return Some(update);
                }
                Ok(Frame::Close(frame)) => {
                    self.closed = frame.map(|frame| frame.code.into());
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits until the websocket is closed by the node, and tells the code.
    pub async fn until_closed(&mut self) -> Option<u16> {
        let wait = async { while self.next().await.is_some() {} };
        timeout(WITHIN, wait).await.expect("the websocket is closed in time");
        self.closed
    }

    /// Waits for a table view that satisfies `test`.
    pub async fn until_table(&mut self, what: &str, test: impl Fn(&TableView) -> bool) -> TableView {
        if let Some(view) = &self.table
            && test(view)
        {
            return view.clone();
        }
        self.until(what, |update| matches!(update, Update::Table(view) if test(view))).await;
        self.table.clone().expect("a view was just taken in")
    }
}

fn is_answer_to(update: &Update, id: &RequestId) -> bool {
    match update {
        Update::Done { id: answered, .. } | Update::Refused { id: answered, .. } => answered == id,
        _ => false,
    }
}

/// Opens a websocket with a login, without waiting for the welcome.
pub async fn open_socket(node: SocketAddr, cookie: &str) -> WebSocketStream<TcpStream> {
    open_socket_on(TcpStream::connect(node).await.expect("the node accepts"), node, cookie).await
}

/// The same over a connection that is there.
pub async fn open_socket_on(stream: TcpStream, node: SocketAddr, cookie: &str) -> WebSocketStream<TcpStream> {
    let shake = tokio_tungstenite::client_async(upgrade(node, "/socket", cookie), stream);
    timeout(WITHIN, shake).await.expect("a handshake in time").expect("a websocket").0
}

fn upgrade(node: SocketAddr, path: &str, cookie: &str) -> Upgrade {
    let mut request = format!("ws://{node}{path}").into_client_request().expect("a request");
    let headers = request.headers_mut();
    headers.insert("cookie", cookie.parse().expect("a header"));
    headers.insert("origin", origin_of(node).parse().expect("a header"));
    request
}

/// The code with which the node closes a websocket that was opened with this cookie, without a welcome.
pub async fn refused_with(node: SocketAddr, cookie: &str) -> Option<u16> {
    let mut socket = open_socket(node, cookie).await;
    loop {
        match timeout(WITHIN, socket.next()).await.expect("a close in time")? {
            Ok(Frame::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(Frame::Text(text)) => panic!("not refused: {text}"),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Accepts the invite that stands: what was shown so far may be the one before it, and the list comes again then.
pub async fn accept(browser: &mut Browser, from: AccountName) -> Update {
    loop {
        match browser.ask(Ask::Accept { from: from.clone(), invite: None }).await {
            Update::Refused { code: RefusalCode::InviteChanged, .. } => {
                browser.until("the list", |update| matches!(update, Update::Invites(_))).await;
            }
            answer => return answer,
        }
    }
}

/// Two players seated at a new table: the first returned sits on the first seat.
pub async fn seated(mut one: Browser, mut two: Browser) -> (Browser, Browser, TableId) {
    let invite = Ask::Invite { to: two.name.clone(), options: TableOptions::default(), resume: None };
    let sent = one.ask(invite).await;
    assert!(matches!(sent, Update::Done { .. }), "{sent:?}");
    let from = one.name.clone();
    if two.invites.received.is_empty() {
        two.until("the invite", |update| matches!(update, Update::Invites(i) if !i.received.is_empty()))
            .await;
    }
    let accepted = accept(&mut two, from).await;
    let Update::Done { table: Some(table), .. } = accepted else { panic!("not accepted: {accepted:?}") };
    let view = one.until_table("the table", |view| view.table == table).await;
    two.until_table("the table", |view| view.table == table).await;
    if view.names.first == one.name { (one, two, table) } else { (two, one, table) }
}
