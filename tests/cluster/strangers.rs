//! What a player gets from strangers: a part of it for each address, and room beyond it for whoever has played with the player.

use std::net::Ipv4Addr;

use nineflags::limits::Limit;
use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::store::invites::INVITES_RECEIVED_MAX;
use nineflags::table::options::TableOptions;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::floods::{burst, is_done, letter, refused};
use crate::harness::browser::{Browser, http, open_socket_on, seated};
use crate::harness::node::Node;

/// A guest whose websocket comes from an address of its own of this machine.
async fn guest_from(source: u8, node: &Node) -> Browser {
    let cookie = http(node.address, "POST", "/api/guest", "", Some(&json!({}))).await.cookie;
    let cookie = cookie.expect("a login");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 1, source), 0).into()).expect("an address of this machine");
    let stream = socket.connect(node.address).await.expect("the node accepts");
    Browser::over(open_socket_on(stream, node.address, &cookie).await, &cookie).await
}

fn invite(to: &Browser) -> Ask {
    Ask::Invite { to: to.name.clone(), options: TableOptions::default(), resume: None }
}

fn words(update: &Update) -> &str {
    match update {
        Update::Refused { words, .. } => words,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_keeps_nobody_else_from_reaching_a_player() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", "")]);
    // Both have a game that they can go on with.
    let (mut receiver, mut friend, table) =
        seated(guest_from(200, &node).await, guest_from(1, &node).await).await;
    assert!(is_done(&receiver.ask(Ask::Save { table }).await));
    friend.until("the end of the table", |update| matches!(update, Update::TableClosed { .. })).await;
    receiver.until("the end of the table", |update| matches!(update, Update::TableClosed { .. })).await;

    let (part_of_invites, part_of_letters) = (burst(Limit::InvitesFrom), burst(Limit::LettersFrom));
    let mut there = Vec::new();
    let all = u8::try_from(INVITES_RECEIVED_MAX).expect("few");
    let addresses = all / u8::try_from(part_of_invites).expect("few");
    for source in 1..=addresses {
        for number in 0..part_of_invites {
            let mut stranger = guest_from(source, &node).await;
            let answer = stranger.ask(invite(&receiver)).await;
            assert!(is_done(&answer), "{number} from {source}: {answer:?}");
            there.push(stranger);
        }
        if source == 1 {
            // The same address, however many guests it makes; and one of them that takes its invite back makes room.
            let mut another = guest_from(source, &node).await;
            let answer = another.ask(invite(&receiver)).await;
            assert_eq!(refused(&answer), Some(RefusalCode::TooManyInvites), "{answer:?}");
            assert!(words(&answer).contains("from your address"), "{answer:?}");
            let back = Ask::Withdraw { to: receiver.name.clone(), invite: None };
            assert!(is_done(&there[0].ask(back).await));
            assert!(is_done(&another.ask(invite(&receiver)).await));
            for number in 0..part_of_letters {
                assert!(is_done(&another.ask(letter(&receiver, &format!("psst {number}"))).await));
            }
            let answer = there[0].ask(letter(&receiver, "psst")).await;
            assert_eq!(refused(&answer), Some(RefusalCode::TooMany), "{answer:?}");
            assert!(words(&answer).contains("from your address"), "{answer:?}");
            there.push(another);
        }
    }
    // A stranger from elsewhere can write, and would be the one invite too many.
    let mut stranger = guest_from(100, &node).await;
    assert!(is_done(&stranger.ask(letter(&receiver, "hello")).await));
    let answer = stranger.ask(invite(&receiver)).await;
    assert_eq!(refused(&answer), Some(RefusalCode::TooManyInvites), "{answer:?}");
    // Whoever has played with the player is no stranger, also at the address of those who are.
    let answer = friend.ask(letter(&receiver, "shall we go on?")).await;
    assert!(is_done(&answer), "{answer:?}");
    let answer = friend.ask(invite(&receiver)).await;
    assert!(is_done(&answer), "{answer:?}");
}
