//! Switches for tests, which prove that a safeguard is needed and that a half-done action can be gone on with. In a
//! normal build none of them exists: every function here is then nothing.

/// Ends the process here, as a power cut would, if a test asked for it by `NINEFLAGS_TEST_STOP_AT`; or has it stand still, the
/// first time it comes here, until it is sent `SIGCONT`: by `NINEFLAGS_TEST_FREEZE_AT`.
#[cfg(feature = "test-hooks")]
pub fn stop_at(point: &str) {
    static FROZE: std::sync::Once = std::sync::Once::new();
    if std::env::var("NINEFLAGS_TEST_FREEZE_AT").is_ok_and(|wanted| wanted == point) {
        FROZE.call_once(|| {
            let own = std::process::id().to_string();
            let stopped = std::process::Command::new("kill").args(["-STOP", &own]).status();
            assert!(stopped.is_ok_and(|status| status.success()), "kill can be run");
        });
    }
    if std::env::var("NINEFLAGS_TEST_STOP_AT").is_ok_and(|wanted| wanted == point) {
        std::process::abort();
    }
}

/// Ends the process here if a test asked for it; a normal build goes on.
#[cfg(not(feature = "test-hooks"))]
pub fn stop_at(_point: &str) {}

/// Whether a test switched a safeguard off by `NINEFLAGS_TEST_WITHOUT`, names joined by commas.
#[cfg(feature = "test-hooks")]
pub fn is_without(safeguard: &str) -> bool {
    std::env::var("NINEFLAGS_TEST_WITHOUT").is_ok_and(|off| off.split(',').any(|name| name == safeguard))
}

/// Whether a test switched a safeguard off; never in a normal build.
#[cfg(not(feature = "test-hooks"))]
pub fn is_without(_safeguard: &str) -> bool {
    false
}

/// Runs a task; where a test asked for it by `NINEFLAGS_TEST_PANIC`, which names the task, it panics after a while, or once the
/// file is there that `NINEFLAGS_TEST_PANIC_AT` names.
#[cfg(feature = "test-hooks")]
pub async fn or_panic(name: String, task: impl Future<Output = ()>) {
    if std::env::var("NINEFLAGS_TEST_PANIC").is_ok_and(|wanted| wanted == name) {
        let is_time = async {
            let Some(file) = std::env::var_os("NINEFLAGS_TEST_PANIC_AT").map(std::path::PathBuf::from) else {
                return tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            };
            while !file.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = task => {}
            () = is_time => {}
        }
        panic!("a test asked for it");
    }
    task.await;
}

/// Runs a task.
#[cfg(not(feature = "test-hooks"))]
pub async fn or_panic(_name: String, task: impl Future<Output = ()>) {
    task.await;
}

/// Panics here where a test asked for it by `NINEFLAGS_TEST_PANIC`.
#[cfg(feature = "test-hooks")]
pub fn panic_at(point: &str) {
    assert!(
        !std::env::var("NINEFLAGS_TEST_PANIC").is_ok_and(|wanted| wanted == point),
        "a test asked for it"
    );
}

/// Panics nowhere.
#[cfg(not(feature = "test-hooks"))]
pub fn panic_at(_point: &str) {}

/// Keeps every worker of the runtime busy as long as the file is there that `NINEFLAGS_TEST_BLOCK` names.
#[cfg(feature = "test-hooks")]
pub async fn block_workers() {
    use std::time::Duration;
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let Some(file) = std::env::var_os("NINEFLAGS_TEST_BLOCK").map(std::path::PathBuf::from) else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let workers =
            if file.exists() { tokio::runtime::Handle::current().metrics().num_workers() } else { 0 };
        for _ in 0..2 * workers {
            let file = file.clone();
            tokio::spawn(async move {
                while file.exists() {
                    std::thread::sleep(LOOK_EVERY);
                }
            });
        }
    }
}

/// Keeps nobody busy.
#[cfg(not(feature = "test-hooks"))]
pub async fn block_workers() {
    std::future::pending().await
}
