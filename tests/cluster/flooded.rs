//! A node that is flooded with every kind of request, while others play and are aimed at.

use std::time::Duration;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, RefusalCode};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::floods::{is_done, metric, refused};
use crate::harness::browser::{Browser, seated};
use crate::harness::node::Node;

/// Every kind of request that a flooder can repeat without an end, aimed at one receiver and one table.
fn floods(receiver: &Browser, table: TableId) -> Vec<String> {
    let name = &receiver.name;
    let far = format!("{:032x}", 7);
    vec![
        format!(r#""ask":"seen","table":"{table}","tip":{{"number":4000000000,"hash":"{far}"}}"#),
        format!(r#""ask":"seen","table":"{table}","tip":{{"number":9,"hash":"{far}"}}"#),
        format!(r#""ask":"watch","table":"{table}""#),
        format!(r#""ask":"unwatch","table":"{table}""#),
        r#""ask":"lobby","list":"players","search":"g"}"#.trim_end_matches('}').to_owned(),
        r#""ask":"lobby","list":"tables","page":4000000000"#.to_owned(),
        format!(r#""ask":"tell","to":"{name}","text":"{}""#, "\u{1f642}".repeat(300)),
        format!(r#""ask":"say","table":"{table}","text":"{}""#, "\u{1f642}".repeat(300)),
        format!(r#""ask":"invite","to":"{name}","options":{{}}"#),
        format!(r#""ask":"withdraw","to":"{name}""#),
        format!(r#""ask":"accept","from":"{name}""#),
        format!(r#""ask":"block","name":"{name}""#),
        format!(r#""ask":"save","table":"{table}""#),
        r#""ask":"nonsense""#.to_owned(),
    ]
}

/// Sends one request of each kind after the other as fast as the node takes them, and comes back when it is closed.
async fn flood(address: std::net::SocketAddr, requests: Vec<String>) {
    let mut flooder = Browser::guest(address).await;
    for number in 0_u64.. {
        let ask = &requests[usize::try_from(number).expect("small") % requests.len()];
        let text = format!(r#"{{"id":"f{number}",{ask}}}"#);
        if flooder.try_send(Frame::text(text)).await.is_err() {
            match Browser::try_connect(address, &flooder.cookie).await {
                Some(again) => flooder = again,
                // Opened too often: it has to wait.
                None => sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// The median time of some asks of each seat, by turns, so that all meet the same machine: each ask has the table look
/// at Redis, and is refused.
async fn medians(seats: &mut [(&mut Browser, TableId)]) -> Vec<Duration> {
    let mut times = vec![Vec::new(); seats.len()];
    for _ in 0..40 {
        for ((seat, table), times) in seats.iter_mut().zip(&mut times) {
            let began = Instant::now();
            let answer = seat.ask(Ask::ClaimWin { table: *table }).await;
            assert_eq!(refused(&answer), Some(RefusalCode::NotAway), "{answer:?}");
            times.push(began.elapsed());
        }
        sleep(Duration::from_millis(60)).await;
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floods_of_every_request_leave_a_table_elsewhere_and_the_receiver_alone() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, _second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let (mut target, mut other, aimed_at) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut receiver = Browser::guest(node.address).await;
    let quiet = medians(&mut [(&mut first, table)]).await[0];
    let requests = floods(&receiver, aimed_at);
    let mut flooders = tokio::task::JoinSet::new();
    for _ in 0..6 {
        flooders.spawn(flood(node.address, requests.clone()));
    }
    let flooded = medians(&mut [(&mut first, table), (&mut target, aimed_at)]).await;
    let (elsewhere, aimed) = (flooded[0], flooded[1]);
    let bar = |before: Duration| (5 * before).max(before + Duration::from_millis(50));
    assert!(elsewhere <= bar(quiet), "{elsewhere:?} while others flood the node, {quiet:?} before");
    assert!(aimed <= bar(elsewhere), "{aimed:?} at the table they aim at, {elsewhere:?} elsewhere");
    assert!(is_done(&receiver.ask(Ask::Ping).await), "the receiver is still there");
    assert!(is_done(&other.ask(Ask::Ping).await));
    let name_of = |code: &str| format!("nineflags_outbox_closes_total{{code=\"{code}\"}}");
    // A slow machine may answer them no faster than they may ask for a while.
    let began = Instant::now();
    while metric(&node, &name_of("flooding")).await + metric(&node, &name_of("too_slow")).await < 0.5 {
        assert!(began.elapsed() < Duration::from_secs(30), "who floods is closed");
        sleep(Duration::from_millis(100)).await;
    }
    flooders.shutdown().await;
    for browser in [&first, &receiver, &target, &other] {
        assert_eq!(browser.closed, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_with_a_welcome_takes_no_room_from_others() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", "connections_waiting=4")]);
    let mut guests = Vec::new();
    for _ in 0..12 {
        guests.push(Browser::guest(node.address).await);
    }
    for guest in &mut guests {
        assert!(is_done(&guest.ask(Ask::Ping).await));
    }
}
