//! A node that came later gets its share of the sessions: by order, or gently by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nineflags::protocol::Update;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::browser::Browser;
use crate::harness::command::{nineflags, sessions_at};
use crate::harness::node::Node;
use crate::inspect::redis_of;

/// How long sessions may take to move.
const MOVED_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Guests on one node, each of which goes to another, once there is one, when it is asked to reconnect; counts who was
/// asked.
async fn guests(
    count: usize,
    from: SocketAddr,
    to: &watch::Sender<Option<SocketAddr>>,
) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let (mut guests, asked) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..count {
        let (mut guest, asked) = (Browser::guest(from).await, Arc::clone(&asked));
        let mut to = to.subscribe();
        guests.spawn(async move {
            while let Some(update) = guest.next().await {
                if matches!(update, Update::Reconnect { .. }) {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let to = to.wait_for(Option::is_some).await.expect("the test goes on").expect("a node");
                    guest = Browser::connect(to, &guest.cookie).await;
                }
            }
        });
    }
    (guests, asked)
}

async fn until_sessions(url: &str, nodes: [&Node; 2], expected: [u64; 2]) {
    let addresses = nodes.map(|node| node.address.to_string());
    let deadline = Instant::now() + MOVED_WITHIN;
    loop {
        let sessions = [0, 1].map(|node| sessions_at(url, &addresses[node]));
        if sessions == expected.map(Some) {
            return;
        }
        assert!(Instant::now() < deadline, "{sessions:?} sessions, not {expected:?}");
        sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_moves_a_share_of_the_sessions() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let one = Node::start(data.path(), &[]);
    let url = redis_of(data.path());
    let two = Node::start(other.path(), &[("REDIS_URL", &url)]);
    let to = watch::Sender::new(Some(two.address));
    let (_guests, asked) = guests(8, one.address, &to).await;
    until_sessions(&url, [&one, &two], [8, 0]).await;

    let ordered = nineflags(&url, &["rebalance", "--share", "0.5", "--spread-ms", "100"]);
    assert!(ordered.success, "{ordered:?}");
    let (here, there) = (one.address, two.address);
    assert!(
        ordered.out.contains(&format!("{here}: 8 sessions, asks 2 to reconnect within 100 ms\n")),
        "{ordered:?}"
    );
    assert!(ordered.out.contains(&format!("{there}: 0 sessions, lets nobody go\n")), "{ordered:?}");
    until_sessions(&url, [&one, &two], [6, 2]).await;
    assert!(nineflags(&url, &["rebalance", "--share", "1", "--spread-ms", "0"]).success);
    until_sessions(&url, [&one, &two], [4, 4]).await;
    assert_eq!(asked.load(Ordering::Relaxed), 4);

    let nothing = nineflags(&url, &["rebalance", "--share", "1"]);
    assert!(!nothing.out.contains("asks"), "{nothing:?}");
    assert!(!nineflags(&url, &["rebalance", "--share", "2"]).success);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gentle_setting_evens_the_sessions_out_by_itself() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let gently = ("NINEFLAGS_REBALANCE_PER_MIN", "600");
    let one = Node::start(data.path(), &[gently]);
    let url = redis_of(data.path());
    let to = watch::Sender::new(None);
    let (_guests, asked) = guests(10, one.address, &to).await;
    let two = Node::start(other.path(), &[("REDIS_URL", &url), gently]);
    to.send_replace(Some(two.address));
    until_sessions(&url, [&one, &two], [5, 5]).await;
    assert_eq!(asked.load(Ordering::Relaxed), 5, "nobody is sent twice");
}
