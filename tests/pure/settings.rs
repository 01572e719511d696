//! `.env.example` is what the program says of its settings: the same names, the same defaults, one sentence for each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};
use nineflags::config::{Cli, Command};

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

fn served_with(arguments: &[&str]) -> nineflags::config::ServeConfig {
    let all = ["nineflags", "serve"].iter().chain(arguments);
    let Command::Serve(config) = Cli::try_parse_from(all).expect("settings").command else {
        panic!("the command serves")
    };
    config.without_empty()
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
    assert_eq!(config.redis_url.as_deref(), Some("redis://localhost:7000"));
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
    assert_eq!(urls.backups, ["redis+sentinel://b:1,c:2/x", "redis://a", "redis://d"]);
    assert_eq!(urls.archive, "redis://a");
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
