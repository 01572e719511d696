//! The page of metrics and the document that explains it say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nineflags::metrics::{self, ALL, Kind, RENAMED, Sizes};

#[test]
fn every_metric_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md");
    let text = fs::read_to_string(path).expect("docs/METRICS.md");
    let mut rows = BTreeSet::new();
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        rows.insert(format!("| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help));
    }
    let explained: BTreeSet<String> =
        text.lines().filter(|line| line.starts_with("| `nineflags_")).map(str::to_owned).collect();
    assert_eq!(rows, explained);
}

#[test]
fn names_follow_the_habits_of_prometheus() {
    for metric in ALL {
        let end = match metric.kind {
            Kind::Counter => "_total",
            Kind::Histogram => "_seconds",
            Kind::Gauge => "",
        };
        assert!(metric.name.starts_with("nineflags_") && metric.name.ends_with(end), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
    assert_eq!(ALL.iter().map(|metric| metric.name).collect::<BTreeSet<_>>().len(), ALL.len());
}

#[test]
fn what_was_renamed_is_told_by_both_names() {
    metrics::page();
    let page = metrics::render(Sizes { sessions: 1, hosts: 7, lobby: (0, 0), not_durable: 5 });
    let told = |name: &str| {
        let lines = page.lines().filter(|line| line.split(' ').any(|word| word == name));
        lines.map(|line| line.replace(name, "…")).collect::<Vec<String>>()
    };
    for (old, new) in RENAMED {
        assert!(
            ALL.iter().any(|metric| metric.name == new) && told(new).len() == 3,
            "{new}: {:?}",
            told(new)
        );
        assert_eq!(told(old), told(new));
    }
    assert!(page.contains("\nnineflags_copies 7\n") && page.contains("\nnineflags_records_unsaved 5\n"));
}
