//! Something between a node and a Redis that passes everything on, and changes what Redis says on the way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Where to connect instead of to a Redis. `change` is given the number of the connection, from 0, and what Redis says on it.
pub fn relay(redis: u16, change: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let change = Arc::new(change);
    std::thread::spawn(move || {
        for (number, node) in listener.incoming().map_while(Result::ok).enumerate() {
            let there = TcpStream::connect(("127.0.0.1", redis)).expect("Redis accepts");
            let (from_node, to_redis) =
                (node.try_clone().expect("a socket"), there.try_clone().expect("a socket"));
            let change = Arc::clone(&change);
            std::thread::spawn(move || pass(from_node, to_redis, |_| {}));
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
