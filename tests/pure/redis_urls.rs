//! Each form in which the URL of a Redis may be written: what it means, or why it is refused, without repeating it.

use nineflags::redis::url::{Address, BadUrl, RedisUrl, without};

fn place(url: &str) -> String {
    match &RedisUrl::from(url).at().expect("a good URL").place {
        Address::Tcp(at) => at.to_string(),
        Address::Unix(path) => path.display().to_string(),
        Address::Sentinels { hosts, name } => {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            format!("{name} at {}", hosts.join(", "))
        }
    }
}

fn login(url: &str) -> (Option<String>, Option<String>) {
    let login = RedisUrl::from(url).at().expect("a good URL").redis.clone();
    (login.username, login.password.map(|password| password.reveal().to_owned()))
}

#[test]
fn every_form_says_one_place() {
    for (url, is) in [
        ("redis://host", "host:6379"),
        (" redis://host:6380\n", "host:6380"),
        ("REDIS://host:6380/", "host:6380"),
        ("redis://host/0", "host:6379"),
        ("valkey://10.0.0.1:1", "10.0.0.1:1"),
        ("redis://:pw@[::1]:7", "[::1]:7"),
        ("redis://[::1]", "[::1]:6379"),
        ("redis://u:p%40@h?db=0", "h:6379"),
        ("unix:///a/socket", "/a/socket"),
        ("unix:///a%3Fb%23c%25d e", "/a?b#c%d e"),
        ("redis+unix:///a?password=x", "/a"),
        ("rediss://u:p%40@host", "host:6379"),
        ("valkeys://[::1]:7", "[::1]:7"),
        ("rediss+sentinel://a,b:2/data?sentinel_tls=no", "data at a:26379, b:2"),
        ("redis+sentinel://a:1,b:2,c:3/nineflags", "nineflags at a:1, b:2, c:3"),
        ("redis+sentinel://a/data?password=x%26y", "data at a:26379"),
        ("redis+sentinel://[::1]:7,10.0.0.2/data?db=0", "data at [::1]:7, 10.0.0.2:26379"),
    ] {
        assert_eq!(place(url), is, "{url}");
    }
}

#[test]
fn a_name_and_a_password_are_taken_wherever_they_may_stand() {
    let given = |user: &str, password: &str| {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        (some(user), some(password))
    };
    assert_eq!(login("redis://h"), given("", ""));
    assert_eq!(login("redis://:@h"), given("", ""));
    assert_eq!(login("redis://h?password="), given("", ""));
    assert_eq!(login("redis://u:a%20b%22%5C%23%C3%A9@h"), given("u", "a b\"\\#é"));
    assert_eq!(login("redis://:a@b@h"), given("", "a@b"));
    assert_eq!(login("unix:///s?user=u&pass=p"), given("u", "p"));
    assert_eq!(login("redis+sentinel://a/n?password=x%26y&sentinel_password=z"), given("", "x&y"));
}

#[test]
fn tls_is_for_all_or_for_the_sentinels_apart() {
    let by_tls = |url: &str| {
        let url = RedisUrl::from(url);
        let at = url.at().expect("a good URL");
        (at.redis.tls, at.sentinel.tls)
    };
    assert_eq!(by_tls("redis://u:p@h"), (false, false));
    for url in ["rediss://h", "REDISS://u:p@h", "valkeys://h"] {
        assert_eq!(by_tls(url), (true, false), "{url}: there are no sentinels");
    }
    assert_eq!(by_tls("redis+sentinel://a,b/n"), (false, false));
    assert_eq!(by_tls("rediss+sentinel://a,b/n?password=x"), (true, true));
    assert_eq!(by_tls("valkeys+sentinel://a,b/n?sentinel_tls=no"), (true, false));
    assert_eq!(by_tls("redis+sentinel://a,b/n?sentinel_tls=yes"), (false, true));
    assert_ne!(RedisUrl::from("redis://h"), RedisUrl::from("rediss://h"));
}

#[test]
fn what_is_wrong_is_refused_with_what_to_write_and_without_any_part_of_it() {
    use BadUrl as B;
    for (url, bad) in [
        ("", B::Empty),
        ("hush", B::Scheme),
        ("hush:1", B::Scheme),
        ("\"redis://:hush@h\"", B::Scheme),
        ("http://:hush@a", B::Scheme),
        ("sentinel://:hush@a/n", B::Scheme),
        ("rediss+sentinel://hush", B::Name),
        ("rediss+unix:///hush", B::Scheme),
        ("rediss://h?sentinel_tls=yes", B::Parameter),
        ("redis+sentinel://a/n?sentinel_tls=hush", B::Parameter),
        ("redis+sentinel://a/n?sentinel_tls=yes&sentinel_tls=no", B::Parameter),
        ("redis://:hu sh@h", B::Characters),
        ("redis://:hu#sh@h", B::Characters),
        ("redis://:hu/sh@h", B::Host),
        ("redis://:hu?sh@h", B::Parameter),
        ("redis://", B::Host),
        ("redis://:6379", B::Host),
        ("redis://h:hush", B::Host),
        ("redis://h:+1", B::Host),
        ("redis://h:0", B::Host),
        ("redis://h:65536", B::Host),
        ("redis://hush:hush:1", B::Host),
        ("redis://[hush]:1", B::Host),
        ("redis://[::1]hush", B::Host),
        ("redis://a,hush", B::Host),
        ("redis://hush@h", B::NoPassword),
        ("redis://h?username=hush", B::NoPassword),
        ("redis://h/1", B::Database),
        ("redis://:hush@h:1/15", B::Database),
        ("unix:///s?db=2", B::Database),
        ("redis+sentinel://a/n?db=1", B::Database),
        ("redis://h/hush", B::Path),
        ("redis://h/0/hush", B::Path),
        ("unix://hush", B::Socket),
        ("unix:///", B::Socket),
        ("unix:///hush%00", B::Socket),
        ("unix:///hu#sh", B::Characters),
        ("redis+sentinel://:hush@127.0.0.1:1/name", B::SentinelUser),
        ("redis+sentinel://a:1,u:hush@b:1/name", B::SentinelUser),
        ("redis+sentinel://a:1,hush:b/name", B::SentinelHost),
        ("redis+sentinel://a:1,,b:2/name", B::SentinelHost),
        ("redis+sentinel:///name", B::SentinelHost),
        ("redis+sentinel://a:1,a:1/name", B::SentinelTwice),
        ("redis+sentinel://a,a:26379/name", B::SentinelTwice),
        ("redis+sentinel://a:1,b:2", B::Name),
        ("redis+sentinel://a:1/", B::Name),
        ("redis+sentinel://a:1/name/hush", B::Name),
        ("redis+sentinel://a:1/hush!", B::Name),
        ("redis+sentinel://a:1/name?hush=hush", B::Parameter),
        ("redis+sentinel://a:1/name?hush", B::Parameter),
        ("redis+sentinel://a:1/name?password=hush&password=hush", B::Parameter),
        ("redis://h?sentinel_password=hush", B::Parameter),
        ("redis://:hush@h?password=hush", B::Parameter),
        ("redis://:hush%FF@h", B::Encoding),
    ] {
        let words = RedisUrl::from(url).at().map(drop).expect_err(url);
        assert_eq!(words, bad, "{url}");
        assert!(!words.to_string().contains("hush"), "{words}");
        assert!(!format!("{:?}", RedisUrl::from(url)).contains("hush"), "{url}");
    }
    let too_long = format!("unix:///{}", "a".repeat(107));
    assert_eq!(RedisUrl::from(too_long).at().map(drop), Err(B::Socket));
}

#[test]
fn a_good_url_cannot_be_printed_with_its_passwords() {
    for url in [
        "redis://u:hush@h",
        "rediss://u:hush@h",
        "unix:///s?password=hush",
        "redis+sentinel://a/n?username=u&password=hush&sentinel_username=v&sentinel_password=hush",
    ] {
        let url = RedisUrl::from(url);
        assert!(url.at().is_ok() && !format!("{url:?}").contains("hush"), "{url:?}");
    }
}

#[test]
fn what_others_repeat_of_a_url_is_taken_out() {
    let says = |argument: &str| {
        let message = format!("error: unexpected argument '{argument}' found; use '-- {argument}'");
        without(&message, [argument.to_owned()])
    };
    for argument in ["redis://:hu sh@h", "--redis-url=redis://:hush@h", "u:hush@h"] {
        assert!(!says(argument).contains("sh"), "{}", says(argument));
    }
    assert!(says("serve").contains("serve"));
}
