//! `.env.example` is what the program says of its settings: the same names, the same defaults, one sentence for each.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};
use nineflags::config::{self, Cli, Command, ServeConfig, misspelt};
use nineflags::redis::roles::RedisUrls;
use nineflags::redis::url::RedisUrl;

/// Every variable the program reads, with what it is when left out.
fn settings() -> BTreeMap<String, String> {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("a command that serves");
    let variables = serve.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_string_lossy().into_owned();
        let default = argument.get_default_values().first().map(|text| text.to_string_lossy().into_owned());
        Some((name, default.unwrap_or_default()))
    });
    variables.collect()
}

/// The variables of `.env.example`, each of which has its sentence on the line before.
fn example() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example");
    let text = fs::read_to_string(path).expect("the example is there");
    let lines: Vec<&str> = text.lines().collect();
    let mut found = BTreeMap::new();
    for pair in lines.windows(2) {
        let Some((name, value)) = pair[1].split_once('=').filter(|_| !pair[1].starts_with('#')) else {
            continue;
        };
        assert!(pair[0].starts_with("# ") && pair[0].ends_with('.'), "{name} has no sentence before it");
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} is there twice");
    }
    found
}

fn served_with(arguments: &[&str]) -> ServeConfig {
    read(arguments).unwrap_or_else(|words| panic!("{arguments:?}: {words}"))
}

fn read(arguments: &[&str]) -> Result<ServeConfig, String> {
    let all = ["nineflags", "serve"].iter().chain(arguments);
    let Command::Serve(config) = Cli::try_parse_from(all).map_err(|error| error.to_string())?.command else {
        panic!("the command serves")
    };
    Ok(config.without_empty())
}

#[test]
fn the_example_names_every_setting_with_its_default() {
    assert_eq!(example(), settings());
}

#[test]
fn an_empty_setting_counts_as_left_out() {
    let config = served_with(&["--redis-url", "", "--origin", ""]);
    assert_eq!((config.redis_url, config.origin), (None, None));
    let config =
        served_with(&["--redis-url", "redis://localhost:7000", "--origin", "https://play.example.org"]);
    assert_eq!(config.redis_url, Some(RedisUrl::from("redis://localhost:7000")));
    assert_eq!(config.origin.as_deref(), Some("https://play.example.org"));
}

#[test]
fn roles_with_the_same_url_are_one_group_with_the_first_name() {
    let named = |arguments: &[&str]| {
        let groups = served_with(arguments).redis_urls("redis://a").groups();
        let told = groups.into_iter().map(|group| format!("{} ({})", group.name, group.roles.join(" ")));
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(named(&[]), "data (data backup-0 archive)");
    assert_eq!(
        named(&["--backup-redis-urls", "", "--archive-redis-url", ""]),
        "data (data backup-0 archive)"
    );
    let backups = "redis+sentinel://b:1,c:2/x  redis://a redis://d";
    assert_eq!(
        named(&["--backup-redis-urls", backups, "--archive-redis-url", "redis://d"]),
        "data (data backup-1), backup-0 (backup-0), backup-2 (backup-2 archive)"
    );
    let urls = served_with(&["--backup-redis-urls", backups]).redis_urls("redis://a");
    assert_eq!(urls.backups, ["redis+sentinel://b:1,c:2/x", "redis://a", "redis://d"].map(RedisUrl::from));
    assert_eq!(urls.archive, RedisUrl::from("redis://a"));
}

#[test]
fn one_place_is_one_group_however_it_is_written() {
    let urls = RedisUrls::new(
        "redis://a",
        &["redis://a:6379/0".into(), " REDIS://a/ ".into(), "redis://b".into()],
        Some(&"valkey://b:6379".into()),
    );
    let groups = urls.groups();
    let roles: Vec<String> = groups.iter().map(|group| group.roles.join(" ")).collect();
    assert_eq!(roles, ["data backup-0 backup-1", "backup-2 archive"]);
}

/// What a setting becomes when it is written so, or the words that refuse it.
fn becomes(name: &str, written: &str, shown: impl Fn(ServeConfig) -> String) -> String {
    let flag = format!("--{name}={written}");
    read(&[&flag]).map_or_else(|words| words, shown)
}

#[test]
fn addresses_to_listen_at_are_numbers_or_names_with_a_port() {
    let becomes = |written: &str| becomes("listen", written, |config| config.listen.to_string());
    for (written, meant) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        (" 0.0.0.0:8080 ", "0.0.0.0:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("localhost:8080", "localhost:8080"),
        ("a.example.org:80", "a.example.org:80"),
        // Nobody opens it as it is written here.
        ("[::ffff:127.0.0.1]:0", "127.0.0.1:0"),
        ("[0:0:0:0:0:0:0:1]:8080", "[::1]:8080"),
    ] {
        assert_eq!(becomes(written), meant);
    }
    for wrong in
        ["", " ", "here", "8080", ":8080", "*:8080", "::1:8080", "[::1]", "a b:1", "a:65536", "http://a:1"]
    {
        assert!(
            becomes(wrong).contains("write HOST:PORT, like 127.0.0.1:8080"),
            "{wrong}: {}",
            becomes(wrong)
        );
    }
    for (written, meant) in [(" a:1 ", "a:1"), ("[::1]:7", "[::1]:7"), ("", ""), ("  ", "")] {
        assert_eq!(address_of(written), meant);
    }
    for wrong in ["a", "a:0", "http://a:1", "a:b", "a:1 b:2", "0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80"]
    {
        assert!(address_of(wrong).contains("write HOST:PORT, like 10.0.0.1:8080"), "{wrong}");
    }
}

#[test]
fn the_operators_address_is_one_to_listen_at_or_left_out() {
    let becomes =
        |written: &str| becomes("ops-listen", written, |config| config.ops_listen.unwrap_or_default());
    for (written, meant) in
        [(" 127.0.0.1:9 ", "127.0.0.1:9"), ("[::ffff:10.0.0.1]:9", "10.0.0.1:9"), ("", ""), (" ", "")]
    {
        assert_eq!(becomes(written), meant);
    }
    for wrong in ["127.0.0.1", "here", ":9", "9", "http://a:9", "a:65536"] {
        assert!(becomes(wrong).contains("write HOST:PORT"), "{wrong}: {}", becomes(wrong));
    }
}

#[test]
fn the_address_people_open_is_read_with_the_other_settings() {
    let becomes = |written: &str| becomes("origin", written, |config| config.origin.unwrap_or_default());
    for (written, meant) in [
        ("", ""),
        (" ", ""),
        (" HTTPS://Play.example.org./ ", "https://play.example.org"),
        ("http://[::ffff:10.0.0.1]:80", "http://10.0.0.1"),
    ] {
        assert_eq!(becomes(written), meant);
    }
    for wrong in ["play.example.org", "https://0.0.0.0", "https://a/b", "https://ann:hush@a"] {
        let words = becomes(wrong);
        assert!(words.contains("write the scheme, the host"), "{wrong}: {words}");
    }
}

fn address_of(written: &str) -> String {
    becomes("address", written, |config| config.address.unwrap_or_default())
}

/// A setting, its value, and the least and the most that it may be.
type Number = (&'static str, fn(&ServeConfig) -> u64, u64, u64);

#[test]
fn numbers_are_in_bounds_in_which_a_node_can_serve() {
    let numbers: [Number; 10] = [
        ("away-save-secs", |config| config.away_save_secs, 1, 604_800),
        ("away-win-secs", |config| config.away_win_secs, 1, 604_800),
        ("abandoned-secs", |config| config.abandoned_secs, 1, 604_800),
        ("unsaved-secs", |config| config.unsaved_secs, 0, 604_800),
        ("invite-secs", |config| config.invite_secs, 1, 604_800),
        ("drain-spread-ms", |config| config.drain_spread_ms, 0, 3_600_000),
        ("grace-secs", |config| config.grace_secs, 1, 3_600),
        ("drain-delay-secs", |config| config.drain_delay_secs, 0, 3_600),
        ("archive-min-records", |config| config.archive_min_records as u64, 0, 2_000),
        ("rebalance-per-min", |config| config.rebalance_per_min.into(), 0, 1_000_000),
    ];
    for (name, value, least, most) in numbers {
        let becomes = |written: &str| becomes(name, written, |config| value(&config).to_string());
        for good in [least, least + 1, most] {
            assert_eq!(becomes(&good.to_string()), good.to_string(), "{name}");
            assert_eq!(becomes(&format!(" {good}\t")), good.to_string(), "{name}");
        }
        let told = format!("write a whole number from {least} to {most}");
        let below = if least > 0 { "0" } else { "-1" };
        for wrong in
            [below, "-1", "1.5", "60s", "1e3", "", "0x10", &(most + 1).to_string(), &u64::MAX.to_string()]
        {
            assert!(becomes(wrong).contains(&told), "{name}={wrong}: {}", becomes(wrong));
        }
    }
}

#[test]
fn yes_and_no_are_written_in_the_usual_ways() {
    let becomes =
        |written: &str| becomes("trust-forwarded", written, |config| config.trust_forwarded.to_string());
    for yes in ["true", "TRUE", "1", "yes", "on", " true "] {
        assert_eq!(becomes(yes), "true");
    }
    for no in ["false", "False", "0", "no", "off"] {
        assert_eq!(becomes(no), "false");
    }
    for wrong in ["2", "-1", "maybe", "enabled", "", " "] {
        assert!(becomes(wrong).contains("write true or false"), "{}", becomes(wrong));
    }
}

#[test]
fn what_is_logged_is_a_level_or_levels_of_parts() {
    let becomes = |written: &str| becomes("log", written, |config| config.log);
    for (written, meant) in [
        ("info", "info"),
        (" WARN ", "warn"),
        ("nineflags=debug", "nineflags=debug"),
        ("info, nineflags::http=TRACE,", "info,nineflags::http=trace"),
        ("off", "off"),
    ] {
        assert_eq!(becomes(written), meant);
    }
    // By themselves these would be names of parts, and nothing at all would be logged.
    for wrong in [
        "verbose",
        "information",
        "nineflags",
        "=info",
        "nineflags=",
        "nineflags=loud",
        ",",
        "",
        "a b=info",
        "[x]=info",
    ] {
        assert!(becomes(wrong).contains("write error, warn, info"), "{wrong}: {}", becomes(wrong));
    }
    assert_eq!((format_of("JSON"), format_of("text")), ("Json".to_owned(), "Text".to_owned()));
    assert!(format_of("xml").contains("possible values: text, json"), "{}", format_of("xml"));
}

fn format_of(written: &str) -> String {
    becomes("log-format", written, |config| format!("{:?}", config.log_format))
}

/// The options of the other commands, each with what is said of a value that cannot be meant.
#[test]
fn options_of_every_command_say_what_to_write_instead() {
    let id = "0190a6f0-0000-7000-8000-000000000000";
    for (line, told) in [
        ("inspect --watch=0", "whole number from 1 to 86400"),
        ("inspect --watch=", "whole number from 1 to 86400"),
        ("inspect --watch=1e9", "whole number from 1"),
        ("inspect table x", "as `nineflags inspect tables`"),
        ("archive show x", "write the id of a table or game"),
        ("rebalance --share 2", "write a number from 0 to 1"),
        ("rebalance --share nan", "write a number from 0 to 1"),
        ("serve --grace-secs -1", "whole number from 1 to 3600"),
        ("rebalance --spread-ms -1", "whole number from 0 to 3600000"),
    ] {
        let words: Vec<OsString> = format!("nineflags {line}").split(' ').map(OsString::from).collect();
        let refused = config::read::<Cli>(&words).expect_err(line).to_string();
        assert!(refused.contains(told), "{line}: {refused}");
    }
    for line in [
        "inspect --watch=5".to_owned(),
        format!("inspect table {id}"),
        "rebalance --share 1 --spread-ms 0".to_owned(),
    ] {
        let words: Vec<OsString> = format!("nineflags {line}").split(' ').map(OsString::from).collect();
        assert!(config::read::<Cli>(&words).is_ok(), "{line}");
    }
}

#[test]
fn no_list_of_settings_shows_a_url() {
    fn all(command: &clap::Command) -> Vec<&clap::Arg> {
        command.get_arguments().chain(command.get_subcommands().flat_map(all)).collect()
    }
    let cli = Cli::command();
    let urls: Vec<&clap::Arg> =
        all(&cli).into_iter().filter(|arg| arg.get_id().as_str().contains("url")).collect();
    assert!(urls.len() > 7, "serve has four, and the other commands three each");
    for url in urls {
        assert!(url.is_hide_env_values_set(), "--help would show the value of {}", url.get_id());
    }
    let shown = format!(
        "{:?}",
        served_with(&["--redis-url", "redis://u:hush@h", "--backup-redis-urls", "redis://:hush@a"])
    );
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_misspelt_variable_is_told_with_the_name_that_was_meant() {
    let told = |name: &str| misspelt([name.to_owned()]).join(" ");
    for (written, meant) in [
        ("NINEFLAGS_LISTENS", "write NINEFLAGS_LISTEN"),
        ("NINEFLAGS_AWAY_SAVE_SEC", "write NINEFLAGS_AWAY_SAVE_SECS"),
        ("NINEFLAGS_ORGIN", "write NINEFLAGS_ORIGIN"),
        ("BACKUP_REDIS_URL", "write BACKUP_REDIS_URLS"),
        ("ARCHIVE_REDIS_URLS", "write ARCHIVE_REDIS_URL"),
        ("NINEFLAGS_COLOUR_OF_THE_TABLE", "--help lists them"),
    ] {
        let words = told(written);
        assert!(words.starts_with(written) && words.ends_with(meant), "{words}");
    }
    for known in [
        "NINEFLAGS_LISTEN",
        "REDIS_URL",
        "BACKUP_REDIS_URLS",
        "NINEFLAGS_BIN",
        "NINEFLAGS_TEST_DECKS",
        "PATH",
    ] {
        assert_eq!(told(known), "");
    }
}

#[test]
fn what_cannot_be_a_setting_is_refused() {
    for wrong in
        [["--listen", "here"], ["--away-win-secs", "-1"], ["--log-format", "xml"], ["--data-dir", "x"]]
    {
        let all = ["nineflags", "serve"].into_iter().chain(wrong);
        assert!(Cli::try_parse_from(all).is_err(), "{wrong:?}");
    }
}
