//! A normal build has none of the switches that tests use: their names are not in the program.

use std::fs;

/// Whether these bytes are anywhere in the program that was built with these tests.
fn program_contains(text: &str) -> bool {
    let program = fs::read(env!("CARGO_BIN_EXE_nineflags")).expect("the program was built");
    program.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn a_normal_build_cannot_be_given_decks() {
    assert_eq!(program_contains("NINEFLAGS_TEST_DECKS"), cfg!(feature = "test-decks"));
}

#[test]
fn a_normal_build_cannot_be_stopped_between_two_steps_or_go_without_a_safeguard() {
    for switch in ["NINEFLAGS_TEST_STOP_AT", "NINEFLAGS_TEST_WITHOUT"] {
        assert_eq!(program_contains(switch), cfg!(feature = "test-hooks"), "{switch}");
    }
}

#[test]
fn a_setting_is_found_in_the_program() {
    assert!(program_contains("REDIS_URL"));
}
