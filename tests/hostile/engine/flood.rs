//! What attackers send: requests over HTTP, connections that stay unfinished, frames over websockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nineflags_tools::load::dial::{WebSocket, exchange, websocket};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::attack::Scene;

/// How long a connection is kept at most.
const KEEP_FOR: Duration = Duration::from_mins(10);
/// How long an answer may take before another is asked for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pause between two requests of one websocket: more than any session may ask.
pub const PAUSE: Duration = Duration::from_millis(5);
/// The same of somebody who asks as much as is allowed, and is not closed for it.
pub const PATIENT_PAUSE: Duration = Duration::from_millis(51);
/// Ping frames sent at once.
const PINGS: u32 = 200;

async fn connect(scene: &Scene, from: IpAddr) -> Result<TcpStream, String> {
    let socket = TcpSocket::new_v4().map_err(words)?;
    socket.bind(SocketAddr::new(from, 0)).map_err(words)?;
    scene.count();
    timeout(ANSWER_WITHIN, socket.connect(scene.to.socket)).await.map_err(words)?.map_err(words)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Fetches something on a connection of its own; a refusal is an error.
pub async fn get(scene: &Scene, from: IpAddr, path: &str, headers: &str) -> Result<(), String> {
    ask(scene, from, &format!("GET {path} HTTP/1.1\r\n"), "", headers).await
}

/// Posts something.
pub async fn post(scene: &Scene, from: IpAddr, path: &str, body: &str, headers: &str) -> Result<(), String> {
    ask(scene, from, &format!("POST {path} HTTP/1.1\r\n"), body, headers).await
}

async fn ask(scene: &Scene, from: IpAddr, first: &str, body: &str, headers: &str) -> Result<(), String> {
    let mut stream = connect(scene, from).await?;
    let host = &scene.to.host;
    let request = format!(
        "{first}host: {host}\r\norigin: http://{host}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(words)?;
    let mut answer = Vec::new();
    timeout(ANSWER_WITHIN, stream.read_to_end(&mut answer)).await.map_err(words)?.map_err(words)?;
    let status = answer.get(9..12).unwrap_or_default();
    // A wrong password and a name that is taken cost the node what they are meant to cost.
    if matches!(status, b"200" | b"403" | b"409") { Ok(()) } else { Err("refused".to_owned()) }
}

/// The head of a request that is to go on.
pub fn head(scene: &Scene, end: &str) -> String {
    let host = &scene.to.host;
    format!(
        "POST /api/login HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\ncontent-type: application/json\r\n{end}"
    )
}

/// The handshake of a websocket without a login.
pub fn handshake(scene: &Scene) -> String {
    let host = &scene.to.host;
    format!(
        "GET /socket HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Says something and waits until the node closes; that is a refusal.
pub async fn hold(scene: &Scene, from: IpAddr, said: &str) -> Result<(), String> {
    let mut stream = connect(scene, from).await?;
    stream.write_all(said.as_bytes()).await.map_err(words)?;
    let mut heard = Vec::new();
    match timeout(KEEP_FOR, stream.read_to_end(&mut heard)).await {
        Ok(_) => Err("closed".to_owned()),
        Err(_) => Ok(()),
    }
}

/// Says something a byte at a time.
pub async fn drop_by_drop(scene: &Scene, from: IpAddr, said: &str) -> Result<(), String> {
    let mut stream = connect(scene, from).await?;
    for byte in said.bytes() {
        stream.write_all(&[byte]).await.map_err(words)?;
        sleep(Duration::from_millis(500)).await;
    }
    Err("the end was reached".to_owned())
}

/// A body that never ends.
pub async fn endless(scene: &Scene, from: IpAddr) -> Result<(), String> {
    let mut stream = connect(scene, from).await?;
    stream.write_all(head(scene, "transfer-encoding: chunked\r\n\r\n").as_bytes()).await.map_err(words)?;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    loop {
        stream.write_all(chunk.as_bytes()).await.map_err(words)?;
        sleep(PAUSE).await;
    }
}

/// A websocket of a guest, who is made once.
async fn enter(scene: &Scene, from: IpAddr, cookie: &mut Option<String>) -> Result<WebSocket, String> {
    scene.count();
    if cookie.is_none() {
        *cookie = exchange(&scene.to, Some(from), "/api/guest", Some("{}")).await?.cookie;
    }
    let login = cookie.as_deref().ok_or("no guest is made")?;
    let entered = websocket(&scene.to, Some(from), login).await;
    // Another guest may come in.
    entered.inspect_err(|_| *cookie = None)
}

/// Opens a websocket, and closes it at the first word.
pub async fn reconnect(scene: &Scene, from: IpAddr, cookie: &mut Option<String>) -> Result<(), String> {
    let mut socket = enter(scene, from, cookie).await?;
    match timeout(ANSWER_WITHIN, socket.next()).await {
        Ok(Some(Ok(Message::Text(_)))) => socket.close(None).await.map_err(words),
        _ => Err("not let in".to_owned()),
    }
}

/// Sends one text after the other, whatever is answered, until the node closes.
pub async fn texts(
    scene: &Scene,
    from: IpAddr,
    cookie: &mut Option<String>,
    pause: Duration,
    text: impl Fn(u64) -> String,
) -> Result<(), String> {
    let (mut send, mut read) = enter(scene, from, cookie).await?.split();
    let hear = async {
        while let Some(Ok(heard)) = read.next().await {
            if heard.to_text().is_ok_and(|text| text.contains("\"refused\"")) {
                scene.refusal();
            }
        }
    };
    let say = async {
        loop {
            scene.count();
            if send.send(Message::text(text(scene.number()))).await.is_err() {
                return;
            }
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = hear => {}
        () = say => {}
    }
    Err("closed".to_owned())
}

/// Sends ping frames without a pause.
pub async fn pings(scene: &Scene, from: IpAddr, cookie: &mut Option<String>) -> Result<(), String> {
    let (mut send, mut read) = enter(scene, from, cookie).await?.split();
    let hear = async { while read.next().await.is_some_and(|heard| heard.is_ok()) {} };
    let say = async {
        loop {
            for _ in 0..PINGS {
                scene.count();
                if send.feed(Message::Ping(Bytes::from_static(b"hostile"))).await.is_err() {
                    return;
                }
            }
            if send.flush().await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = hear => {}
        () = say => {}
    }
    Err("closed".to_owned())
}

/// Has the lobby and a table shown, and reads nothing.
pub async fn never_read(scene: &Scene, from: IpAddr, cookie: &mut Option<String>) -> Result<(), String> {
    let mut socket = enter(scene, from, cookie).await?;
    let watch = format!(r#"{{"id":"w{}","ask":"watch","table":"{}"}}"#, scene.number(), scene.table(0));
    socket.send(Message::text(watch)).await.map_err(words)?;
    loop {
        scene.count();
        let page = format!(r#"{{"id":"p{}","ask":"lobby","list":"players","search":""}}"#, scene.number());
        timeout(ANSWER_WITHIN, socket.send(Message::text(page))).await.map_err(words)?.map_err(words)?;
        sleep(PAUSE).await;
    }
}

/// Two guests who play with one another: their games are given up at once, or stopped and resumed.
pub async fn churn(
    scene: &Scene,
    from: IpAddr,
    logins: &mut [Option<String>; 2],
    is_saved: bool,
) -> Result<(), String> {
    let mut one = enter(scene, from, &mut logins[0]).await?;
    let mut two = enter(scene, from, &mut logins[1]).await?;
    let (first, second) = (name(&mut one).await?, name(&mut two).await?);
    let mut resume = String::new();
    // Whatever ends it, others go on: these may have used up what is theirs.
    logins.fill(None);
    loop {
        ask_over(scene, &mut one, &format!(r#""ask":"invite","to":"{second}"{resume}"#)).await?;
        let accepted = ask_over(scene, &mut two, &format!(r#""ask":"accept","from":"{first}""#)).await?;
        let table = accepted["table"].as_str().ok_or("no table")?;
        let end = if is_saved { "save" } else { "resign" };
        ask_over(scene, &mut one, &format!(r#""ask":"{end}","table":"{table}""#)).await?;
        if is_saved {
            resume = format!(r#","resume":"{table}""#);
        }
    }
}

/// The next text of a websocket.
async fn heard(socket: &mut WebSocket) -> Result<Value, String> {
    loop {
        match timeout(ANSWER_WITHIN, socket.next()).await.map_err(words)? {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).map_err(words),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return Err("closed".to_owned()),
        }
    }
}

/// Who a websocket is, by its welcome.
async fn name(socket: &mut WebSocket) -> Result<String, String> {
    let welcome = heard(socket).await?;
    let name = ["/name", "/you/name", "/account/name"].iter().find_map(|at| welcome.pointer(at)?.as_str());
    name.map(str::to_owned).ok_or_else(|| "no welcome".to_owned())
}

/// Asks something, and waits for its answer; a refusal is an error.
async fn ask_over(scene: &Scene, socket: &mut WebSocket, ask: &str) -> Result<Value, String> {
    let id = format!("c{}", scene.number());
    scene.count();
    socket.send(Message::text(format!(r#"{{"id":"{id}",{ask}}}"#))).await.map_err(words)?;
    loop {
        let told = heard(socket).await?;
        if told["id"] == id.as_str() {
            return if told["update"] == "refused" { Err("refused".to_owned()) } else { Ok(told) };
        }
    }
}
