//! The websocket's own task, over a pipe in memory.

use futures_util::{SinkExt, StreamExt};
use nineflags::limits::Key;
use nineflags::protocol::CloseCode;
use nineflags::session::socket::Socket;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A browser that gets no code takes the line for cut, and comes again: two tabs would take the game from each other for ever.
#[tokio::test]
async fn a_frame_that_comes_as_the_session_ends_does_not_take_the_code_away() {
    for _ in 0..50 {
        let (near, far) = tokio::io::duplex(4_096);
        let socket = Socket::open(near, Vec::new(), Key::Name(0), Box::new(())).await;
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
