//! Why a connection could not be opened, as far as that can be found out by listening to what answers at the address.

use std::io;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::error::{StoreError, TOO_MANY_CLIENTS};
use super::place::shown;

/// How long it may take to find out who answers.
const LISTEN_FOR: Duration = Duration::from_millis(300);
/// A question that a Redis and a web server both answer at once.
const QUESTION: &[u8] = b"PING\r\n\r\n";
/// How the records of TLS begin: an alert or a handshake, of version 3.
const TLS: [&[u8]; 2] = [&[0x15, 0x03], &[0x16, 0x03]];

/// The error for an operator, with the address.
pub async fn explain(info: &ConnectionInfo, error: RedisError) -> StoreError {
    let at = shown(info.addr());
    // The library does not tell the kind of an error of the system, only its words.
    if error.is_io_error() && error.to_string().starts_with("Permission denied") {
        let words = "the node's user may not open it: start the node as a user who may (unixsocketperm)";
        return StoreError::Denied(format!("{at}: {words}"));
    }
    let is_clear = error.is_connection_refusal() || error.is_timeout() || error.code().is_some();
    let heard =
        if is_clear { None } else { timeout(LISTEN_FOR, ask(info.addr())).await.ok().and_then(Result::ok) };
    let known = heard.as_deref().and_then(judge);
    // Its words were lost with the connection, and it had room again when it was asked.
    let is_cut = error.is_connection_dropped() && heard.is_some_and(|heard| !heard.is_empty());
    let cut = || StoreError::NotNow(format!("it closed the connection at once, as where {TOO_MANY_CLIENTS}"));
    known.or_else(|| is_cut.then(cut)).unwrap_or_else(|| StoreError::from(error)).at(&at)
}

/// What the first bytes are that it sends.
async fn ask(address: &ConnectionAddr) -> io::Result<Vec<u8>> {
    match address {
        ConnectionAddr::Tcp(host, port) => {
            first_words(TcpStream::connect((host.as_str(), *port)).await?).await
        }
        ConnectionAddr::Unix(path) => first_words(UnixStream::connect(path).await?).await,
        _ => Ok(Vec::new()),
    }
}

async fn first_words(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    // One that says something at once and closes may take no question.
    let _ = stream.write_all(QUESTION).await;
    let mut heard = vec![0; 64];
    let length = stream.read(&mut heard).await?;
    heard.truncate(length);
    Ok(heard)
}

/// What answers there, if it is no Redis that could be used.
fn judge(heard: &[u8]) -> Option<StoreError> {
    if heard.starts_with(b"-ERR max number of clients") {
        return Some(StoreError::NotNow(TOO_MANY_CLIENTS.to_owned()));
    }
    if heard.starts_with(b"-DENIED") {
        let words = "it is in protected mode, in which it lets only its own machine in: give it a password (requirepass), \
                     or set protected-mode no on a private network";
        return Some(StoreError::Denied(words.to_owned()));
    }
    if TLS.iter().any(|begin| heard.starts_with(begin)) {
        let words = "it speaks TLS, and this build does not: name the port at which it speaks without, and reach it over a \
                     private network or through a TLS tunnel on this machine";
        return Some(StoreError::Unusable(words.to_owned()));
    }
    let is_redis = matches!(heard.first(), None | Some(b'+' | b'-' | b'$' | b'*' | b':'));
    (!is_redis).then(|| {
        let what = if heard.starts_with(b"HTTP/") { "a web server" } else { "another program" };
        StoreError::Unusable(format!("{what} answers there and no Redis: name the port of the Redis"))
    })
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn what_answers_is_told_by_its_first_bytes() {
        let says = |heard: &[u8]| judge(heard).map(|error| error.to_string()).unwrap_or_default();
        for (heard, words) in [
            (&b"-ERR max number of clients reached\r\n"[..], "too many clients"),
            (b"-DENIED Redis is running in protected mode", "protected mode"),
            (&[0x15, 0x03, 0x01, 0, 2], "speaks TLS"),
            (b"HTTP/1.1 400 Bad Request", "a web server answers there"),
            (b"SSH-2.0-OpenSSH_9.2", "another program answers there"),
        ] {
            assert!(says(heard).contains(words), "{}", says(heard));
        }
        for heard in [&b"+PONG\r\n"[..], b"-NOAUTH Authentication required.", b"-LOADING", b""] {
            assert_eq!(says(heard), "");
        }
    }
}
