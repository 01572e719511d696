//! People who come through the load balancer, and the files that say how to deploy.

use nineflags::protocol::{Ask, Update};

use crate::harness::browser::{Browser, http};
use crate::harness::haproxy::Balancer;
use crate::harness::node::Node;
use crate::harness::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
async fn the_balancer_leads_past_a_node_that_drains_or_died() {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::alone(folder.path());
    let url = redis.url();
    let variables = [("REDIS_URL", url.as_str()), ("NINEFLAGS_TRUST_FORWARDED", "true")];
    let one = Node::start(folder.path(), &variables);
    let two = Node::start(folder.path(), &variables);
    let balancer = Balancer::start(&[one.address, two.address]);
    let mut ann = Browser::sign_up(balancer.address, "Ann").await;
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));

    // The browser is asked to come back, and whoever comes, comes to the other node.
    assert!(one.terminate().success());
    let mut ann = Browser::connect(balancer.address, &ann.cookie).await;
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));
    assert_eq!(http(balancer.address, "GET", "/", "", None).await.status, 200);
    for path in ["/healthz", "/metrics"] {
        assert_eq!(http(balancer.address, "GET", path, "", None).await.status, 404, "{path}");
    }

    // A node without a word, and one more that comes.
    let three = Node::start(folder.path(), &variables);
    let balancer = Balancer::start(&[two.address, three.address]);
    let _ = two.kill();
    let mut ann = Browser::connect(balancer.address, &ann.cookie).await;
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));
}
