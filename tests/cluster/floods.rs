//! Floods of one kind of request: what they cost is charged to whoever sends them, and nobody else waits for it.

use std::time::Duration;

use futures_util::StreamExt;
use nineflags::cluster::keeper::HEALS_MAX;
use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::table::record::{Hash, Tip};
use tokio::time::timeout;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::lone::private_url;
use crate::harness::node::Node;

/// Refusals are looked for within this time.
const WITHIN: Duration = Duration::from_secs(20);

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

/// A tip that nobody ever had.
fn forged(number: u32, which: u32) -> Tip {
    Tip { number, hash: Hash(format!("{which:032x}")) }
}

async fn metric(node: &Node, name: &str) -> f64 {
    let page = http(node.address, "GET", "/metrics", "", None).await.body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_tip_holds_no_table_up() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = play_on(&mut first, &mut second, table, 6, &mut Dice(71)).await;
    let seen = |tip| Ask::Seen { table, tip, sealed: Vec::new() };
    let ahead = view.tip.number + 1;

    let mut strangers = [Browser::guest(node.address).await, Browser::guest(node.address).await];
    let watched = strangers[0].ask(Ask::Watch { table }).await;
    assert!(is_done(&watched), "{watched:?}");
    assert!(is_done(&strangers[0].ask(seen(view.tip.clone())).await), "what it sees");
    for (place, code) in [RefusalCode::WentBack, RefusalCode::NotSeated].into_iter().enumerate() {
        for tip in [forged(ahead, 1), forged(4_000_000_000, 2)] {
            let answer = strangers[place].ask(seen(tip)).await;
            assert_eq!(refused(&answer), Some(code), "{answer:?}");
        }
    }

    // While one seat's forged tip is asked of the other nodes, the other seat and the bench are served.
    second
        .send_text(&format!(
            r#"{{"id":"forged","ask":"seen","table":"{table}","tip":{{"number":{ahead},"hash":"{:032x}"}}}}"#,
            3
        ))
        .await;
    let served = async {
        assert!(is_done(&first.ask(Ask::Ping).await));
        let answer = first.ask(Ask::ClaimWin { table }).await;
        assert_eq!(refused(&answer), Some(RefusalCode::NotAway), "{answer:?}");
        assert!(is_done(&strangers[1].ask(Ask::Watch { table }).await));
    };
    let waiting = second.until("the fate of the forged tip", |update| refused(update).is_some());
    tokio::select! {
        biased;
        _ = waiting => panic!("the table waited for the forged tip"),
        () = served => {}
    }
    second.until("the fate of the forged tip", |update| refused(update).is_some()).await;

    // However many are made up, few are asked of the other nodes, and what is far ahead not at all.
    let client = redis::Client::open(private_url(data.path())).expect("a URL");
    let mut channel = client.get_async_pubsub().await.expect("Redis answers");
    channel.subscribe(format!("table:{table}")).await.expect("the channel");
    for which in 0..30 {
        let number = if which % 3 == 0 { ahead + 32 + which } else { ahead + which % 32 };
        let answer = second.ask(seen(forged(number, 100 + which))).await;
        let code = refused(&answer);
        assert!(matches!(code, Some(RefusalCode::WentBack | RefusalCode::TooMany)), "{answer:?}");
    }
    let mut heals = 0;
    let mut messages = channel.on_message();
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), messages.next()).await {
        let payload: String = message.get_payload().expect("text");
        heals += usize::from(payload.contains(r#""kind":"heal""#));
    }
    assert!((1..=HEALS_MAX).contains(&heals), "{heals} heals were asked for");
    assert!(metric(&node, "nineflags_went_back_total").await < 0.5, "nothing went back");

    // Who told the truth is answered all the time.
    assert!(is_done(&timeout(WITHIN, second.ask(seen(view.tip))).await.expect("an answer")));
}
