//! Whether a node says that it can serve.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::browser::try_http;
use super::process::WITHIN;

/// Whether a balancer would send browsers to it.
pub async fn is_ready(node: SocketAddr) -> bool {
    try_http(node, "GET", "/readyz").await.is_some_and(|reply| reply.status == 200)
}

/// Waits until that is so, or is not.
pub async fn until_ready(node: SocketAddr, wanted: bool) {
    let ready = async {
        while is_ready(node).await != wanted {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(WITHIN, ready).await.unwrap_or_else(|_| panic!("whether it is ready is not {wanted} in time"));
}
