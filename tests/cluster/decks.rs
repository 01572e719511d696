//! In a build with `test-decks` every new table is dealt the decks a test has chosen.

use crate::harness::browser::{Browser, seated};
use crate::harness::node::Node;

const COLOURS: [&str; 6] = ["r", "o", "y", "g", "b", "p"];

#[tokio::test(flavor = "multi_thread")]
async fn chosen_decks_are_dealt_from_the_top() {
    let data = tempfile::tempdir().expect("a folder");
    let troops = COLOURS.iter().flat_map(|colour| (1..=10).rev().map(move |rank| format!("{colour}{rank}")));
    let troops: Vec<String> = troops.collect();
    let decks = serde_json::json!({"troops": troops, "tactics": ["Tr", "De", "Re", "Sc", "Mu", "Fo", "Sh", "Co", "Da", "Al"]});
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("decks.json");
    std::fs::write(&file, decks.to_string()).expect("a file");
    let node = Node::start(data.path(), &[("NINEFLAGS_TEST_DECKS", file.to_str().expect("a path"))]);
    let (first, second, _) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let hand = |cards: Option<&Vec<nineflags::rules::card::Card>>| -> Vec<String> {
        cards.expect("the own hand").iter().map(ToString::to_string).collect()
    };
    let (one, two) = (first.table.expect("a view"), second.table.expect("a view"));
    assert_eq!(hand(one.view.hands.first.cards.as_ref()), troops[..7]);
    assert_eq!(hand(two.view.hands.second.cards.as_ref()), troops[7..14]);
}
