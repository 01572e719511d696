//! The limits' pure core: buckets, sources, and the setting that changes numbers.

use std::net::IpAddr;

use nineflags::ids::AccountId;
use nineflags::limits::{ALL, Allowance, Allowances, Buckets, Key, Limit, Limits, Source, WIDE};

const SEC: u64 = 1_000_000_000;

fn source(text: &str) -> Source {
    Source::of(text.parse::<IpAddr>().expect("an address"))
}

#[test]
fn a_bucket_gives_its_burst_and_then_what_comes_back() {
    let mut buckets = Buckets::default();
    let mut take = |now: u64| buckets.take(Limit::Requests, Key::Name(1), (3, 2, 1), 1, now);
    for _ in 0..3 {
        assert_eq!(take(SEC), Ok(()));
    }
    let refused = take(SEC).expect_err("the bucket is empty");
    assert_eq!(refused.retry_after.as_millis(), 500);
    assert_eq!(take(SEC), Err(refused), "and stays so");
    assert_eq!(take(SEC + SEC / 2), Ok(()), "one came back, and refusals cost nothing");
    assert!(take(SEC + SEC / 2).is_err());
    for _ in 0..3 {
        assert_eq!(take(100 * SEC), Ok(()), "never more than the burst");
    }
    assert!(take(100 * SEC).is_err());
    assert!(take(99 * SEC).is_err(), "a clock that goes back gives nothing");
}

#[test]
fn a_cost_is_taken_whole_or_not_at_all() {
    let mut buckets = Buckets::default();
    let mut take = |cost, now| buckets.take(Limit::Bytes, Key::Name(1), (1_000, 100, 1), cost, now).is_ok();
    assert!(take(900, 0));
    assert!(!take(101, 0));
    assert!(take(100, 0));
    assert!(!take(5_000, 9 * SEC), "more than the burst waits for a full bucket");
    assert!(take(5_000, 10 * SEC));
    assert!(!take(1, 10 * SEC));
}

#[test]
fn buckets_are_bounded_and_full_ones_forgotten_first() {
    let mut buckets = Buckets::default();
    let mut take = |key, now| buckets.take(Limit::Guests, Key::Name(key), (1, 1, 60), 1, now).is_ok();
    assert!(take(u64::MAX, 200 * SEC), "this one will be empty for long");
    for key in 0..100_000 {
        // All but the first are full again by the end.
        take(key, 130 * SEC);
    }
    assert!(!take(u64::MAX, 200 * SEC), "what is owed is remembered");
    assert!(buckets.len() < 10_000, "{}", buckets.len());
}

#[test]
fn a_source_is_an_ipv4_address_or_a_64() {
    for (one, other) in [
        ("198.51.100.7", "::ffff:198.51.100.7"),
        ("198.51.100.7", "::ffff:c633:6407"),
        ("198.51.100.7", "64:ff9b::198.51.100.7"),
        ("2001:db8:7:7::1", "2001:db8:7:7:ffff:ffff:ffff:ffff"),
        ("::1", "::2"),
    ] {
        assert_eq!(source(one), source(other), "{one} {other}");
    }
    for (one, other) in [
        ("198.51.100.7", "198.51.100.8"),
        ("::ffff:198.51.100.7", "::ffff:198.51.100.8"),
        ("64:ff9b::198.51.100.7", "64:ff9b::198.51.100.8"),
        ("2001:db8:7:7::1", "2001:db8:7:8::1"),
        ("fe80::1", "fe80::2"),
        ("127.0.0.1", "::1"),
    ] {
        assert_ne!(source(one), source(other), "{one} {other}");
    }
    assert_eq!(source("::ffff:1.2.3.4").to_text(), "1.2.3.4");
    assert_eq!(source("2001:db8:7:7::9").to_text(), "2001:db8:7:7::/64");
}

#[test]
fn a_48_has_a_wider_bucket_over_its_64s() {
    let limits = Limits::new("guests_per_source_hour=1 websockets_per_source=2".parse().expect("a setting"));
    let of = |net: u32| source(&format!("2001:db8:7:{net:x}::1"));
    let taken = (0..100).filter(|net| limits.take(Limit::Guests, of(*net)).is_ok()).count();
    assert_eq!(taken, WIDE as usize);
    assert!(limits.take(Limit::Guests, source("2001:db8:8::1")).is_ok(), "another /48");
    assert!(limits.take(Limit::Guests, source("::ffff:10.0.0.1")).is_ok());
    assert!(limits.take(Limit::Guests, source("10.0.0.1")).is_err(), "the same machine");

    let mut held: Vec<_> = (0..100).filter_map(|net| limits.hold(Limit::Websockets, of(net)).ok()).collect();
    assert_eq!(held.len(), 2 * WIDE as usize);
    held.pop();
    assert!(limits.hold(Limit::Websockets, of(200)).is_ok(), "dropping one gives it back");
    drop(held);
    let one = [limits.hold(Limit::Websockets, of(1)), limits.hold(Limit::Websockets, of(1))];
    assert!(one.iter().all(Result::is_ok));
    assert!(limits.hold(Limit::Websockets, of(1)).is_err(), "two for one /64");
    let refused = limits.refusals().find(|(name, _)| *name == "websockets_per_source");
    assert_eq!(refused.map(|(_, count)| count), Some(85));
}

#[test]
fn limits_and_accounts_do_not_share_buckets() {
    let limits = Limits::new(Allowances::default());
    let (one, other) = (AccountId::random(), AccountId::random());
    while limits.take(Limit::Letters, one).is_ok() {}
    assert!(limits.take(Limit::Letters, other).is_ok());
    assert!(limits.take(Limit::Requests, one).is_ok());
    let refused = limits.take(Limit::Letters, one).expect_err("still empty");
    assert_eq!(refused.words(), "You write too fast. Try again in 2 seconds.");
}

#[test]
fn the_setting_changes_numbers_by_name_or_is_refused_in_a_sentence() {
    let parsed = |text: &str| text.parse::<Allowances>();
    assert_eq!(parsed(""), Ok(Allowances::default()));
    let raised = parsed("  letters_per_account_minute=300\twebsockets_per_source=9 ").expect("a setting");
    assert_eq!(raised.of(Limit::Letters), Allowance::Rate { burst: 60, refill: 300, secs: 60 });
    assert_eq!(raised.of(Limit::Websockets), Allowance::AtOnce(9));
    assert_eq!(raised.of(Limit::Requests), Allowances::default().of(Limit::Requests));
    let most = parsed("requests_per_account_second=4294967295").expect("the largest number");
    assert_eq!(most.of(Limit::Requests), Allowance::Rate { burst: u32::MAX, refill: u32::MAX, secs: 1 });
    for (wrong, words) in [
        ("letters=3", "there is no limit \"letters\"; there are: requests_per_account_second"),
        ("letters_per_account_minute", "is not NAME=NUMBER"),
        ("letters_per_account_minute=", "is a whole number from 1"),
        ("letters_per_account_minute=0", "is a whole number from 1"),
        ("letters_per_account_minute=-1", "is a whole number from 1"),
        ("letters_per_account_minute=4294967296", "is a whole number from 1"),
        ("letters_per_account_minute=3,websockets_per_source=2", "is a whole number from 1"),
        ("letters_per_account_minute=1e9", "is a whole number from 1"),
        ("websockets_per_source=2 websockets_per_source=2", "is given twice: write it once"),
    ] {
        let error = parsed(wrong).expect_err(wrong);
        assert!(error.contains(words), "{wrong}: {error}");
    }
}

#[test]
fn every_limit_has_a_name_and_sentences_of_its_own() {
    let names: std::collections::BTreeSet<&str> = ALL.iter().map(|limit| limit.line().name).collect();
    assert_eq!(names.len(), ALL.len());
    for limit in ALL {
        let line = limit.line();
        assert!(line.what.ends_with('.') && line.refusal.ends_with('.'), "{line:?}");
        assert_eq!(Limit::named(line.name), Some(*limit));
        if let Allowance::Rate { secs, .. } = line.allowance {
            let period = match secs {
                1 => "a second",
                60 => "a minute",
                3_600 => "an hour",
                other => panic!("{}: {other} seconds are no period of the page", line.name),
            };
            assert!(line.allowance.to_string().ends_with(period), "{}", line.allowance);
        }
    }
}
