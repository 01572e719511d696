//! Which addresses are the site's own, and for whom a balancer asks: every form that people and proxies write.

use std::net::SocketAddr;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use nineflags::http::forwarded::forwarded;
use nineflags::origin::{Origin, Site};

fn site(setting: &str, listening: &str) -> Result<Site, String> {
    let listening: SocketAddr = listening.parse().expect("an address");
    Site::new(Some(setting), listening).map_err(|wrong| wrong.to_string())
}

#[test]
fn an_origin_is_compared_by_scheme_host_and_port() {
    for (setting, sent) in [
        ("https://play.example.org", "https://play.example.org"),
        ("https://Play.Example.org", "https://play.example.org"),
        ("HTTPS://play.example.org", "https://play.example.org"),
        ("https://play.example.org:443", "https://play.example.org"),
        ("https://play.example.org/", "https://play.example.org"),
        (" https://play.example.org ", "https://play.example.org"),
        ("http://play.example.org:80", "http://play.example.org"),
        ("http://play.example.org:8080/", "http://play.example.org:8080"),
        ("https://spiel.k\u{f6}ln.example", "https://spiel.xn--kln-sna.example"),
        ("http://192.168.1.5:9000", "http://192.168.1.5:9000"),
        ("http://[2001:DB8:0::1]:9000", "http://[2001:db8::1]:9000"),
        ("http://my_host:9000", "http://my_host:9000"),
        ("https://play.example.org.", "https://play.example.org"),
        ("http://[::ffff:192.168.1.5]:9000", "http://192.168.1.5:9000"),
    ] {
        let site = site(setting, "0.0.0.0:9000").expect(setting);
        assert!(site.is_own(sent, Some("anything")), "{setting} {sent}");
        for other in [
            "http://evil.example",
            "null",
            "",
            "https://play.example.org:8443",
            "https://play.example.org.evil.example",
        ] {
            assert!(!site.is_own(other, Some("play.example.org")), "{setting} {other}");
        }
        assert_eq!(site.is_https(), sent.starts_with("https"));
        assert_eq!(Origin::parse(setting).map(|origin| origin.to_string()).as_deref(), Some(sent));
    }
    let site = site("https://play.example.org", "127.0.0.1:1").expect("a setting");
    for other in ["http://play.example.org", "wss://play.example.org", "chrome-extension://play.example.org"]
    {
        assert!(!site.is_own(other, Some("play.example.org")), "{other}");
    }
}

#[test]
fn what_can_never_match_is_refused_in_one_sentence() {
    for wrong in [
        "play.example.org",
        "play.example.org:8080",
        "localhost:8080",
        "//play.example.org",
        "ftp://play.example.org",
        "wss://play.example.org",
        "https://",
        "https://:443",
        "https://play.example.org:0",
        "https://play.example.org:99999",
        "https://play.example.org/nine",
        "https://play.example.org?x",
        "https://play.example.org/#x",
        "https://ann@play.example.org",
        "https://ann:secret@play.example.org",
        "https://*.example.org",
        "https://a.example,https://b.example",
        "https://a.example, https://b.example",
        "https://a.example https://b.example",
        "https://a..example",
        "https://play example.org",
        "https://1.2.3.4.5",
        "https://0.0.0.0",
        "http://0:8080",
        "http://[::]:8080",
        "http://[::ffff:0.0.0.0]",
        "http://224.0.0.1",
        "http://[ff02::1]",
        "http://255.255.255.255",
        "https://.",
        "https://a..",
        "null",
        "*",
    ] {
        let words = site(wrong, "127.0.0.1:8080").expect_err(wrong);
        assert!(words.contains("like https://play.example.org"), "{words}");
        assert!(!words.contains('\n') && !words.contains(". "), "{words}");
    }
}

#[test]
fn without_a_setting_only_this_machine_may_connect() {
    for listening in ["127.0.0.1:8080", "127.0.0.9:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
        assert!(site("", listening).is_ok(), "{listening}");
    }
    for listening in ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:8080", "[2001:db8::1]:8080"] {
        let words = site(" ", listening).expect_err(listening);
        assert!(
            words.contains(listening) && words.contains("NINEFLAGS_ORIGIN") && words.contains(":8080,")
                || words.contains(":8080"),
            "{words}"
        );
    }
    let site = site("", "127.0.0.1:8080").expect("no setting");
    for host in [
        "localhost:8080",
        "LOCALHOST:8080",
        "nine.localhost",
        "localhost.:8080",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:8080",
    ] {
        assert!(site.is_asked(Some(host)), "{host}");
        assert!(site.is_own(&format!("http://{}", host.to_lowercase()), Some(host)), "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0:8080",
        "",
        "192.168.1.5",
        "a@localhost",
    ] {
        assert!(!site.is_asked(Some(host)), "{host}");
        assert!(!site.is_own(&format!("http://{host}"), Some(host)), "{host}");
    }
    assert!(!site.is_asked(None));
    for (origin, host) in [
        ("http://localhost:8080", Some("127.0.0.1:8080")),
        ("http://localhost:9999", Some("localhost:8080")),
        ("chrome-extension://localhost:8080", Some("localhost:8080")),
        ("null", None),
        ("null", Some("localhost:8080")),
        ("http://localhost:8080", None),
    ] {
        assert!(!site.is_own(origin, host), "{origin} {host:?}");
    }
    assert!(site.is_own("https://localhost", Some("localhost:443")), "TLS ends before us");
    assert!(site.is_own("https://localhost", Some("localhost")));
    assert!(site.is_own("http://localhost", Some("localhost:80")));
}

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"));
    }
    headers
}

#[test]
fn every_form_of_a_forwarded_address_is_read() {
    for (text, address) in [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:40000", "198.51.100.7"),
        ("\"198.51.100.7:40000\"", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:40000", "2001:db8::7"),
        ("\"[2001:db8::7]:40000\"", "2001:db8::7"),
        ("::ffff:198.51.100.7", "::ffff:198.51.100.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("8.8.8.8, 198.51.100.7", "198.51.100.7"),
        ("8.8.8.8,198.51.100.7:1 ", "198.51.100.7"),
        ("unknown, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, ", "198.51.100.7"),
        ("198.51.100.7:_hidden", "198.51.100.7"),
    ] {
        let read = forwarded(&headers(&[("x-forwarded-for", text.as_bytes())]));
        assert_eq!(read, Ok(address.parse().expect("an address")), "{text}");
    }
    for (text, address) in [
        ("for=198.51.100.7", "198.51.100.7"),
        ("For=\"198.51.100.7:40000\"", "198.51.100.7"),
        ("for=\"[2001:db8::7]:40000\";proto=https;by=203.0.113.43", "2001:db8::7"),
        ("proto=https; for=198.51.100.7", "198.51.100.7"),
        ("for=8.8.8.8, for=198.51.100.7;by=\"a,b;for=9.9.9.9\"", "198.51.100.7"),
        ("for=\"_a,b\", for=198.51.100.7", "198.51.100.7"),
    ] {
        let read = forwarded(&headers(&[("forwarded", text.as_bytes())]));
        assert_eq!(read, Ok(address.parse().expect("an address")), "{text}");
    }
    // The last line of several is the nearest balancer's, and X-Forwarded-For goes first.
    let both = headers(&[
        ("x-forwarded-for", b"8.8.8.8"),
        ("forwarded", b"for=9.9.9.9"),
        ("x-forwarded-for", b"198.51.100.7"),
    ]);
    assert_eq!(forwarded(&both), Ok("198.51.100.7".parse().expect("an address")));
}

#[test]
fn what_names_no_address_is_told_apart_from_nothing() {
    for text in [
        "unknown",
        "_hidden",
        "",
        " , ",
        "198.51.100",
        "198.51.100.7:x",
        "198.51.100.7:99999",
        "[2001:db8::7",
        "[2001:db8::7]x",
        "2001:db8::g",
        "\"198.51.100.7",
        "example.org",
        "198.51.100.7, unknown",
        "198.51.100.7 8.8.8.8",
    ] {
        let read = forwarded(&headers(&[("x-forwarded-for", text.as_bytes())]));
        assert_eq!(read, Err(Some(text.to_owned())), "{text}");
    }
    for text in [
        "for=unknown",
        "for=_hidden",
        "proto=https",
        "for=8.8.8.8, proto=https",
        "198.51.100.7",
        "for",
        "xfor=8.8.8.8",
    ] {
        let read = forwarded(&headers(&[("forwarded", text.as_bytes())]));
        assert_eq!(read, Err(Some(text.to_owned())), "{text}");
    }
    assert!(forwarded(&headers(&[("x-forwarded-for", b"\xff\xfe")])).is_err_and(|written| written.is_some()));
    assert_eq!(forwarded(&HeaderMap::new()), Err(None));
}
