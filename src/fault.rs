//! Switches for tests, which prove that a safeguard is needed and that a half-done action can be gone on with. In a
//! normal build none of them exists: every function here is then nothing.

/// Ends the process here, as a power cut would, if a test asked for it by `NINEFLAGS_TEST_STOP_AT`.
#[cfg(feature = "test-hooks")]
pub fn stop_at(point: &str) {
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

/// A script, with one line exchanged if a test switched the safeguard in it off.
pub fn script(text: &str, safeguard: &str, line: &str, without: &str) -> String {
    debug_assert!(text.contains(line), "the safeguard is not in the script: {line}");
    if is_without(safeguard) { text.replacen(line, without, 1) } else { text.to_owned() }
}
