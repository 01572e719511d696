//! Why a connection could not be opened, as far as that can be found out by listening to what answers at the address.

use std::io;

use redis::{ConnectionAddr, RedisError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use super::endpoint::At;
use super::error::{StoreError, TOO_MANY_CLIENTS};
use super::timeouts;

/// A question that a Redis and a web server both answer at once.
const QUESTION: &[u8] = b"PING\r\n\r\n";
/// The shortest greeting of TLS 1.2 that is well formed: no session, one cipher, no extension. Whoever speaks TLS answers it, if
/// only with an alert.
const HELLO: &[u8] = b"\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x03\
                       nine flags asks who answers here\
                       \0\0\x02\xc0\x2f\x01\0";
/// How the records of TLS begin: an alert or a handshake, of version 3.
const TLS: [&[u8]; 2] = [&[0x15, 0x03], &[0x16, 0x03]];

/// What is wrong with a certificate, as the library writes it, and what it means.
const CERTIFICATES: [(&str, &str); 6] = [
    (
        "UnknownIssuer",
        "its certificate is by no authority that is trusted: name the file with that one's (NINEFLAGS_REDIS_CA)",
    ),
    (
        "BadSignature",
        "its certificate is by another authority of the same name as one that is trusted: name the file with that one's \
         (NINEFLAGS_REDIS_CA)",
    ),
    ("UsedAsEndEntity", "its certificate is that of an authority: give it one of its own, signed by that"),
    ("not valid for name", "its certificate is for other names and addresses than this one"),
    ("NotValidForName", "its certificate is for other names and addresses than this one"),
    ("xpired", "its certificate has expired"),
];
/// What one says that wants to see a certificate of the node's.
const WANTS_CERTIFICATE: [&str; 2] = ["CertificateRequired", "HandshakeFailure"];

/// The error for an operator, with the address.
pub async fn explain(asked: &At, error: RedisError) -> StoreError {
    let (at, tls) = (asked.to_string(), asked.is_tls());
    let said = error.to_string();
    // The library does not tell the kind of an error of the system, only its words.
    if error.is_io_error() && said.starts_with("Permission denied") {
        let words = "the node's user may not open it: start the node as a user who may (unixsocketperm)";
        return StoreError::Denied(format!("{at}: {words}"));
    }
    if tls && let Some(words) = refused_in_tls(&said) {
        return StoreError::Unusable(words).at(&at);
    }
    let is_clear = error.is_connection_refusal() || error.is_timeout() || error.code().is_some();
    let mut heard = if is_clear { None } else { ask(asked.address(), QUESTION).await };
    if !tls && !is_clear && error.is_connection_dropped() && heard.as_ref().is_none_or(Vec::is_empty) {
        // A Redis that speaks TLS closes at what is none, and says nothing.
        heard = ask(asked.address(), HELLO).await.or(heard);
    }
    let known = heard.as_deref().and_then(|heard| judge(heard, tls));
    // Its words were lost with the connection, and it had room again when it was asked.
    let is_cut = error.is_connection_dropped() && heard.is_some_and(|heard| !heard.is_empty());
    let or = if tls { ", or it wants a certificate of the nodes (set tls-auth-clients no)" } else { "" };
    let cut =
        || StoreError::NotNow(format!("it closed the connection at once, as where {TOO_MANY_CLIENTS}{or}"));
    known.or_else(|| is_cut.then(cut)).unwrap_or_else(|| StoreError::from(error)).at(&at)
}

/// Why a handshake of TLS came to nothing, if that lies at one of the two sides.
fn refused_in_tls(said: &str) -> Option<String> {
    if WANTS_CERTIFICATE.iter().any(|known| said.contains(known)) {
        return Some(
            "it wants a certificate of the nodes, which have none: set tls-auth-clients no".to_owned(),
        );
    }
    let (_, why) = said.split_once("invalid peer certificate: ")?;
    let known = CERTIFICATES.iter().find(|(known, _)| why.contains(known));
    Some(
        known.map_or_else(
            || format!("its certificate cannot be used: {why}"),
            |(_, words)| (*words).to_owned(),
        ),
    )
}

/// Ends if TLS is meant and whoever is there answers without: that one may wait for ever for more of a handshake.
pub async fn speaks_no_tls(at: &At) -> StoreError {
    if at.is_tls() {
        sleep(timeouts::LISTEN).await;
        let heard = ask(at.address(), QUESTION).await;
        if let Some(error) = heard.as_deref().and_then(|heard| judge(heard, true)) {
            return error.at(&at.to_string());
        }
    }
    std::future::pending().await
}

/// What the first bytes are that it sends after a question, if it can be asked.
async fn ask(address: &ConnectionAddr, question: &[u8]) -> Option<Vec<u8>> {
    let asked = async {
        match address {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                first_words(TcpStream::connect((host.as_str(), *port)).await?, question).await
            }
            ConnectionAddr::Unix(path) => first_words(UnixStream::connect(path).await?, question).await,
            _ => Ok(Vec::new()),
        }
    };
    timeout(timeouts::LISTEN, asked).await.ok()?.ok()
}

async fn first_words(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &[u8],
) -> io::Result<Vec<u8>> {
    // One that says something at once and closes may take no question.
    let _ = stream.write_all(question).await;
    let mut heard = vec![0; 64];
    let length = stream.read(&mut heard).await?;
    heard.truncate(length);
    Ok(heard)
}

/// What answers a question without TLS, if it is no Redis that could be used, with TLS or without.
fn judge(heard: &[u8], tls: bool) -> Option<StoreError> {
    if heard.starts_with(b"-ERR max number of clients") {
        return Some(StoreError::NotNow(TOO_MANY_CLIENTS.to_owned()));
    }
    if heard.starts_with(b"-DENIED") {
        let words = "it is in protected mode, in which it lets only its own machine in: give it a password (requirepass), \
                     or set protected-mode no on a private network";
        return Some(StoreError::Denied(words.to_owned()));
    }
    if TLS.iter().any(|begin| heard.starts_with(begin)) {
        let words =
            "it speaks TLS: write rediss:// where redis:// stands (rediss+sentinel:// for redis+sentinel://)";
        return (!tls).then(|| StoreError::Unusable(words.to_owned()));
    }
    let is_redis = matches!(heard.first(), None | Some(b'+' | b'-' | b'$' | b'*' | b':'));
    if tls && is_redis && !heard.is_empty() {
        let words = "it speaks no TLS there: name its tls-port, or write redis:// where rediss:// stands";
        return Some(StoreError::Unusable(words.to_owned()));
    }
    (!is_redis).then(|| {
        let what = if heard.starts_with(b"HTTP/") { "a web server" } else { "another program" };
        StoreError::Unusable(format!("{what} answers there and no Redis: name the port of the Redis"))
    })
}

#[cfg(test)]
mod tests {
    use super::{judge, refused_in_tls};

    #[test]
    fn what_answers_is_told_by_its_first_bytes() {
        let says = |heard: &[u8]| judge(heard, false).map(|error| error.to_string()).unwrap_or_default();
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

    #[test]
    fn where_tls_is_meant_it_is_told_who_speaks_none() {
        let says = |heard: &[u8]| judge(heard, true).map(|error| error.to_string()).unwrap_or_default();
        assert!(says(b"+PONG\r\n").contains("speaks no TLS"));
        assert_eq!((says(&[0x15, 0x03, 0x03, 0, 2]), says(b"")), (String::new(), String::new()));
        let certificate =
            |why: &str| refused_in_tls(&format!("invalid peer certificate: {why}")).unwrap_or_default();
        assert!(certificate("UnknownIssuer").contains("NINEFLAGS_REDIS_CA"));
        assert!(certificate("certificate not valid for name \"a\"").contains("other names"));
        assert!(certificate("BadEncoding").contains("BadEncoding"));
        assert_eq!(refused_in_tls("broken pipe"), None);
    }
}
