//! The cookie of a login, found among others and whatever stands beside it.

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use nineflags::http::cookies::{Shown, name_of};
use nineflags::origin::Site;

fn site(setting: &str) -> Site {
    let listening = if setting.is_empty() { "127.0.0.1:8080" } else { "0.0.0.0:8080" };
    Site::new(Some(setting), listening.parse().expect("an address")).expect("a setting")
}

fn value(letter: char) -> String {
    letter.to_string().repeat(43)
}

fn plain(setting: &str, lines: &[&[u8]]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.append(HOST, HeaderValue::from_static("localhost:8080"));
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).expect("a header"));
    }
    Shown::read(&headers, &site(setting), false).plain().map(str::to_owned)
}

#[test]
fn the_cookie_has_a_name_of_its_own_for_each_site() {
    for (setting, host, name) in [
        ("", Some("localhost:8080"), "nineflags-8080"),
        ("", Some("127.0.0.1:9999"), "nineflags-9999"),
        ("", Some("localhost"), "nineflags-80"),
        ("", None, "nineflags-8080"),
        ("http://192.168.1.5:9000", Some("anything:1"), "nineflags-9000"),
        ("http://play.example.org", None, "nineflags-80"),
        ("https://play.example.org", None, "__Host-nineflags"),
        ("https://play.example.org:8443", None, "__Host-nineflags"),
    ] {
        assert_eq!(name_of(&site(setting), host), name, "{setting} {host:?}");
    }
}

#[test]
fn it_is_found_whatever_bytes_stand_beside_it() {
    let (a, own) = (value('a'), format!("nineflags-8080={}", value('a')));
    for line in [
        own.clone(),
        format!("nick=\u{fc}; {own}"),
        format!("{own}; nick=\u{fc}"),
        format!("x;{own};y=="),
        format!("  {own}  ;"),
        format!("nineflags-8080x=1; {own}; xnineflags-8080={}", value('b')),
        format!("nineflags-8080=short; {own}"),
        format!("nineflags-8080=\"; {own}"),
        format!("{own}; {own}"),
    ] {
        assert_eq!(plain("", &[line.as_bytes()]), Some(a.clone()), "{line}");
    }
    let raw = [b"nick=\xff\xfe; ".as_slice(), own.as_bytes(), b"; more=\x80"].concat();
    assert_eq!(plain("", &[&raw]), Some(a.clone()));
    assert_eq!(plain("", &[b"nick=\xff", own.as_bytes()]), Some(a.clone()), "several headers");
    // The name of old, and another port's, count where there is nothing else.
    assert_eq!(plain("", &[format!("nineflags={a}").as_bytes()]), Some(a.clone()));
    assert_eq!(plain("", &[format!("nineflags-8081={a}").as_bytes()]), Some(a.clone()));
    // Over TLS another host may have set it: it has to be looked up, and counts for nothing beside the own name.
    assert_eq!(plain("https://a.example", &[format!("nineflags={a}").as_bytes()]), None);
    let both = format!("nineflags={}; __Host-nineflags={a}", value('b'));
    assert_eq!(plain("https://a.example", &[both.as_bytes()]), Some(a.clone()));
    assert_eq!(plain("https://a.example", &[format!("nineflags-80={a}").as_bytes()]), None);
}

#[test]
fn several_are_never_plain() {
    let (a, b) = (value('a'), value('b'));
    for line in [
        format!("nineflags-8080={a}; nineflags-8080={b}"),
        format!("nineflags={a}; nineflags={b}"),
        format!("nineflags-8080={a}; nineflags={b}"),
        String::new(),
        "nineflags-8080=".to_owned(),
        format!("NINEFLAGS-8080={a}"),
        format!("nineflags-99999={a}"),
    ] {
        assert_eq!(plain("", &[line.as_bytes()]), None, "{line}");
    }
}
