//! The websocket's own task, over a pipe in memory.

use futures_util::{SinkExt, StreamExt};
use nineflags::ids::AccountId;
use nineflags::limits::{Allowance, Key, Limit, Limits};
use nineflags::protocol::CloseCode;
use nineflags::session::socket::{GOODBYE_BYTES, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A session's end of a websocket, and the browser's end of its line.
async fn opened(limits: &Limits, account: AccountId) -> (Socket, DuplexStream) {
    let (near, far) = tokio::io::duplex(4_096);
    let payer = (limits.clone(), account, Key::Name(0));
    (Socket::open(near, Vec::new(), payer, Box::new(())).await, far)
}

/// They make no whole message, so that no session hears of them.
#[tokio::test]
async fn frames_that_are_no_whole_message_end_a_websocket_when_they_are_too_many() {
    let limits = Limits::new("bytes_in_per_account_second=1024".parse().expect("a setting"));
    let Allowance::Rate { burst, .. } = limits.allowance(Limit::BytesIn) else { panic!("a rate") };
    let account = AccountId::random();
    let (_socket, far) = opened(&limits, account).await;
    let (mut reader, mut writer) = tokio::io::split(far);
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
        let mut heard = Vec::new();
        reader.read_to_end(&mut heard).await.expect("the line ends");
        heard
    };
    let both = async { tokio::join!(flood, heard) };
    let within = std::time::Duration::from_secs(20);
    let (sent, heard) = tokio::time::timeout(within, both).await.expect("it is closed");
    let code = CloseCode::Flooding as u16;
    assert_eq!(heard, [&[0x88, 0x02][..], &code.to_be_bytes()].concat(), "closed with a code");
    assert!(sent >= u64::from(burst), "not before the limit: {sent}");
    assert!(sent <= u64::from(burst) + GOODBYE_BYTES + 16 * 1_024, "{sent} bytes were read");
    // Another account has all of its own.
    let (mut socket, far) = opened(&limits, AccountId::random()).await;
    let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
    browser.send(Message::text("whole")).await.expect("the pipe is open");
    assert!(socket.next().await.is_some());
}

/// A browser that gets no code takes the line for cut, and comes again: two tabs would take the game from each other for ever.
#[tokio::test]
async fn a_frame_that_comes_as_the_session_ends_does_not_take_the_code_away() {
    for _ in 0..50 {
        let (socket, far) = opened(&Limits::new("".parse().expect("a setting")), AccountId::random()).await;
        let mut browser = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        browser.send(Message::text("late")).await.expect("the pipe is open");
        socket.outbox().close(CloseCode::TakenOver);
        drop(socket);
        let Some(Ok(Message::Close(Some(frame)))) = browser.next().await else {
            panic!("closed without a code")
        };
        assert_eq!(u16::from(frame.code), CloseCode::TakenOver as u16);
    }
}
