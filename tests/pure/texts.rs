//! Words that may be sent, and words that may not.

use nineflags::session::MESSAGE_CHARS_MAX;
use nineflags::session::text::{JOINED_MAX, MARKS_MAX, fault_of};

#[test]
fn words_of_all_scripts_are_taken() {
    for text in [
        "a",
        "hello there",
        "?",
        "Việt Nam",
        "Vie\u{302}\u{323}t Nam",
        "שָׁלוֹם",
        "مرحبا",
        "नमस्ते",
        "ภาษาไทย",
        "한국어",
        "日本語",
        "བོད་སྐད་",
        "مى\u{200c}خواهم",
        "👍🏽",
        "👩‍👩‍👧‍👦",
        "❤\u{fe0f}",
        "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
        "🇩🇪",
        "1\u{fe0f}\u{20e3}",
        "left \u{200e}and\u{200f} right",
        "co\u{ad}operate",
        "e\u{301}\u{302}\u{303}\u{304}",
        "\u{600}",
        "\u{6dd}\u{661}",
        "\u{70f}\u{710}",
        "\u{110bd}",
        "\u{1d15a}",
        "\u{fffd}",
        "\u{303f}",
        // A picture that Unicode keeps for an emoji to come.
        "\u{1fadd}",
        // A mark on a blank that stands within.
        "a \u{301}",
    ] {
        assert_eq!(fault_of(text), None, "{text:?}");
    }
    for char in ["a", "é", "👍"] {
        assert_eq!(fault_of(&char.repeat(MESSAGE_CHARS_MAX)), None, "{char}");
        assert!(fault_of(&char.repeat(MESSAGE_CHARS_MAX + 1)).is_some(), "{char}");
    }
}

#[test]
fn words_of_which_nothing_is_seen_are_not() {
    let unseen = [
        "",
        "\u{200b}",
        "\u{2060}",
        "\u{ad}",
        "\u{feff}",
        "\u{fe0f}",
        "\u{200d}",
        "\u{200c}",
        "\u{34f}",
        "\u{61c}",
        "\u{200e}",
        "\u{3164}",
        "\u{ffa0}",
        "\u{115f}",
        "\u{1160}",
        "\u{180e}",
        "\u{17b4}",
        "\u{2800}",
        "\u{301}",
        "\u{20dd}",
        "\u{e0061}",
        "\u{2003}",
        "\u{3000}",
        "\u{1d173}",
        "\u{200b} \u{2060}\u{a0}\u{2800}",
        "\u{2061}",
        "\u{fff9}",
        "\u{1d159}",
        "\u{13441}",
        "\u{13430}",
        "\u{fffc}",
        "\u{1680}",
        "\u{180b}",
        "\u{16fe4}",
        "\u{1bca0}",
        "\u{13440}",
        "\u{e0001}",
    ];
    for text in unseen {
        assert!(fault_of(text).is_some(), "{text:?}");
        assert_eq!(fault_of(&format!("a{text}")), None, "{text:?} beside a letter");
    }
}

#[test]
fn words_that_reach_beyond_their_line_are_not_taken() {
    for text in [
        "a\nb",
        "a\rb",
        "a\tb",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
        "a\u{0}b",
        "a\u{1b}[31mb",
        "a\u{7f}",
        "a\u{e000}",
        "a\u{f0000}",
        "a\u{10fffd}",
        // What is no character, or none yet.
        "a\u{fffe}",
        "a\u{ffff}",
        "a\u{fdd0}",
        "a\u{1ffff}",
        "a\u{10ffff}",
        "a\u{378}",
        "a\u{e0080}",
        // Marks on what stands before the words.
        "\u{301}a",
        "\u{301}\u{301}\u{301}\u{301}a",
        "\u{200d}\u{301}a",
        "\u{93f}\u{915}",
        "\u{20e3}1",
    ] {
        assert!(fault_of(text).is_some(), "{text:?}");
    }
    for turn in [
        '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
        '\u{2069}',
    ] {
        assert!(fault_of(&format!("a{turn}b")).is_some(), "{turn:?}");
    }
    for mark in ["\u{301}", "\u{323}", "\u{20dd}", "\u{483}", "\u{e47}", "\u{302}\u{200d}", "\u{e0100}"] {
        assert!(fault_of(&format!("a{}", mark.repeat(200))).is_some(), "{mark:?}");
    }
    assert_eq!(fault_of(&format!("a{}", "\u{301}".repeat(MARKS_MAX))), None);
    assert!(fault_of(&format!("a{}", "\u{301}".repeat(MARKS_MAX + 1))).is_some());
    assert_eq!(fault_of(&format!("a{}", "\u{200d}".repeat(JOINED_MAX))), None);
    assert!(fault_of(&format!("a{}", "\u{200d}".repeat(JOINED_MAX + 1))).is_some());
}
