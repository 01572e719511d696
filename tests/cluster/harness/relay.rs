//! Something between a node and a Redis that passes everything on, and changes what Redis says on the way or holds all up.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where to connect instead of to a Redis. `change` is given the number of the connection, from 0, and what Redis says on it.
pub fn relay(redis: u16, change: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static) -> u16 {
    carry(redis, |_| {}, change)
}

/// Where to connect instead, and what stops everything in both directions while it is set.
pub fn gate(redis: u16) -> (u16, Arc<AtomicBool>) {
    let shut = Arc::new(AtomicBool::new(false));
    let wait = |shut: &AtomicBool| {
        while shut.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let (there, back) = (Arc::clone(&shut), Arc::clone(&shut));
    (carry(redis, move |_| wait(&there), move |_, _| wait(&back)), shut)
}

fn carry(
    redis: u16,
    asks: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    change: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (asks, change) = (Arc::new(asks), Arc::new(change));
    std::thread::spawn(move || {
        for (number, node) in listener.incoming().map_while(Result::ok).enumerate() {
            let there = TcpStream::connect(("127.0.0.1", redis)).expect("Redis accepts");
            let (from_node, to_redis) =
                (node.try_clone().expect("a socket"), there.try_clone().expect("a socket"));
            let (asks, change) = (Arc::clone(&asks), Arc::clone(&change));
            std::thread::spawn(move || pass(from_node, to_redis, |bytes| asks(bytes)));
            std::thread::spawn(move || pass(there, node, |bytes| change(number, bytes)));
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut Vec<u8>)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..read].to_vec();
        change(&mut bytes);
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
}
