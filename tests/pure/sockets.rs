//! A session's websocket, over a connection of this machine.

use futures_util::{SinkExt, StreamExt};
use nineflags::ids::AccountId;
use nineflags::limits::{Allowance, Key, Limit, Limits};
use nineflags::outbox::{OUTBOX_BYTES, OUTBOX_FRAMES};
use nineflags::protocol::CloseCode;
use nineflags::session::socket::{GOODBYE_BYTES, Inbound, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

fn unlimited() -> Limits {
    Limits::new("".parse().expect("a setting"))
}

/// A session's end of a websocket, and the browser's end of its line.
async fn opened(limits: &Limits, account: AccountId) -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let far = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (near, _) = listener.accept().await.expect("a connection");
    let payer = (limits.clone(), account, Key::Name(0));
    (Socket::open(near, &[], payer), far)
}

/// Reads a websocket to its end.
async fn read_on(mut socket: Socket) {
    while socket.next(true).await.is_some() {}
    socket.finish().await;
}

/// They make no whole message, so that no session hears of them.
#[tokio::test]
async fn frames_that_are_no_whole_message_end_a_websocket_when_they_are_too_many() {
    let limits = Limits::new("bytes_in_per_account_second=1024".parse().expect("a setting"));
    let Allowance::Rate { burst, .. } = limits.allowance(Limit::BytesIn) else { panic!("a rate") };
    let account = AccountId::random();
    let (socket, far) = opened(&limits, account).await;
    tokio::spawn(read_on(socket));
    let (mut reader, mut writer) = far.into_split();
    let flood = async {
        // A text that goes on, and empty frames that go on with it.
        writer.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await.expect("the line is open");
        let mut sent = 0_u64;
        while writer.write_all(&[0x00, 0x80, 0, 0, 0, 0].repeat(64)).await.is_ok() {
            sent += 6 * 64;
        }
        sent
    };
    let heard = async {
        let mut heard = [0; 4];
        reader.read_exact(&mut heard).await.expect("a goodbye");
        heard
    };
    let both = async { tokio::join!(flood, heard) };
    let within = std::time::Duration::from_secs(20);
    let (sent, heard) = tokio::time::timeout(within, both).await.expect("it is closed");
    let code = CloseCode::Flooding as u16;
    assert_eq!(heard[..], [&[0x88, 0x02][..], &code.to_be_bytes()].concat(), "closed with a code");
    assert!(sent >= u64::from(burst), "not before the limit: {sent}");
    // What the system holds for both ends was never read.
    assert!(sent <= u64::from(burst) + GOODBYE_BYTES + 16 * 1_024 * 1_024, "{sent} bytes were sent");
    // Another account has all of its own.
    let (mut socket, far) = opened(&limits, AccountId::random()).await;
    let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
    browser.send(Message::text("whole")).await.expect("the line is open");
    assert!(socket.next(true).await.is_some());
}

/// A browser that gets no code takes the line for cut, and comes again: two tabs would take the game from each other for ever.
#[tokio::test]
async fn a_frame_that_comes_as_the_session_ends_does_not_take_the_code_away() {
    for _ in 0..50 {
        let (socket, far) = opened(&unlimited(), AccountId::random()).await;
        let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        browser.send(Message::text("late")).await.expect("the line is open");
        socket.outbox().close(CloseCode::TakenOver);
        tokio::spawn(socket.finish());
        assert_eq!(close_code(&mut browser).await, CloseCode::TakenOver as u16);
    }
}

/// The code of the goodbye, after whatever comes before it.
async fn close_code(browser: &mut WebSocketStream<TcpStream>) -> u16 {
    loop {
        match browser.next().await {
            Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
            Some(Ok(_)) => {}
            other => panic!("closed without a code: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_browser_that_asks_many_things_at_once_gets_all_answers() {
    let (mut socket, far) = opened(&unlimited(), AccountId::random()).await;
    let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
    let asked = 3 * OUTBOX_FRAMES;
    for number in 0..asked {
        browser.feed(Message::text(number.to_string())).await.expect("the line is open");
    }
    browser.flush().await.expect("the line is open");
    for _ in 0..asked {
        let Some(Inbound::Text(text)) = socket.next(true).await else { panic!("the websocket is open") };
        socket.outbox().send(text);
    }
    socket.outbox().close(CloseCode::LoggedOut);
    tokio::spawn(socket.finish());
    for number in 0..asked {
        assert_eq!(
            browser.next().await.expect("an answer").expect("a text"),
            Message::text(number.to_string())
        );
    }
    assert_eq!(close_code(&mut browser).await, CloseCode::LoggedOut as u16);
}

#[tokio::test]
async fn whoever_is_sent_away_hears_of_it_while_the_session_is_at_work() {
    let (mut socket, far) = opened(&unlimited(), AccountId::random()).await;
    let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
    let outbox = socket.outbox();
    outbox.send("last".into());
    outbox.close(CloseCode::TakenOver);
    // The work ends once the browser has its goodbye.
    socket
        .beside(async {
            assert_eq!(browser.next().await.expect("an update").expect("a text"), Message::text("last"));
            assert_eq!(close_code(&mut browser).await, CloseCode::TakenOver as u16);
        })
        .await;
    assert!(socket.next(true).await.is_none(), "it has ended");
    tokio::spawn(socket.finish());
    assert!(browser.next().await.is_none(), "and says nothing more");
}

#[tokio::test]
async fn what_a_browser_does_not_take_counts_until_it_is_written() {
    let (mut socket, far) = opened(&unlimited(), AccountId::random()).await;
    let outbox = socket.outbox();
    let text = "x".repeat(OUTBOX_BYTES / 4);
    // More than the system takes for a browser that reads nothing.
    while outbox.has_room() {
        outbox.send(text.as_str().into());
        socket.beside(tokio::task::yield_now()).await;
    }
    assert!(!outbox.offer("a letter".into()), "it is dropped");
    assert_eq!(outbox.closing(), None);
    for _ in 0..4 {
        outbox.send(text.as_str().into());
    }
    assert_eq!(outbox.closing(), Some(CloseCode::TooSlow));
    assert!(socket.next(true).await.is_none());
    assert!(!outbox.is_gone());
    drop((socket, far));
    assert!(outbox.is_gone());
}

fn size_of_what_it_gives<A, B, C, D, E, F>(_: fn(A, B, C, D, E) -> F) -> usize {
    size_of::<F>()
}

/// There are tens of thousands of them, and most are idle.
#[test]
fn a_session_is_small() {
    let bytes = size_of_what_it_gives(nineflags::session::serve);
    assert!(bytes <= 2_700, "{bytes} bytes for each session");
}
