//! The files that say how to deploy: they name what exists, and the programs they are for take them.

use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nineflags::protocol::{Ask, Update};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use crate::harness::browser::Browser;
use crate::harness::process::{Process, free_port, until};
use crate::harness::redis::{ask, repository};

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn words(list: &Yaml) -> Vec<String> {
    let words = list.as_vec().expect("a list").iter();
    words.map(|word| word.as_str().expect("text, so numbers in quotes").to_owned()).collect()
}

fn compose() -> Yaml {
    let documents = YamlLoader::load_from_str(&read("deploy/compose.yaml")).expect("YAML");
    documents.into_iter().next().expect("one document")
}

/// What a service runs, with the paths inside replaced by those they are mounted from.
fn command_of(service: &Yaml) -> Vec<String> {
    let mut command = words(&service["entrypoint"]);
    command.extend(words(&service["command"]));
    let mounts = words(&service["volumes"]);
    for mount in mounts.iter().filter(|mount| mount.starts_with('.')) {
        let (from, to) = mount.trim_end_matches(":ro").split_once(':').expect("from:to");
        let from = repository("deploy").join(from);
        assert!(from.is_dir(), "{mount} names no folder");
        for word in &mut command {
            if let Some(rest) = word.strip_prefix(to) {
                *word = format!("{}{rest}", from.display());
            }
        }
    }
    command
}

#[test]
fn the_compose_file_is_whole() {
    let compose = compose();
    let services = compose["services"].as_hash().expect("services");
    let count = |begin: &str| {
        services.keys().filter(|name| name.as_str().expect("a name").starts_with(begin)).count()
    };
    assert_eq!((count("balancer"), count("node-"), count("redis-"), count("sentinel-")), (1, 2, 3, 3));
    for (name, service) in services {
        let name = name.as_str().expect("a name");
        let build = &service["build"];
        if build.is_badvalue() {
            assert!(
                service["image"].as_str().is_some_and(|image| image.contains(':')),
                "{name} names a version"
            );
            let command = command_of(service);
            assert!(Path::new(&command[1]).is_file(), "{name} runs {}, which is not there", command[1]);
        } else {
            let file = build["dockerfile"].as_str().expect("a file");
            assert!(
                repository("deploy").join(build["context"].as_str().expect("a folder")).join(file).is_file()
            );
        }
        // Each host that is named is a service.
        let url = service["environment"]["REDIS_URL"].as_str().unwrap_or("").to_owned();
        let command =
            service["command"].as_vec().map_or(String::new(), |_| words(&service["command"]).join(","));
        for host in [url.as_str(), &command].iter().flat_map(|text| text.split([',', '/'])) {
            if let Some((host, _)) = host.split_once(':').filter(|(host, _)| host.contains('-')) {
                assert!(
                    services.contains_key(&Yaml::from_str(host)),
                    "{name} speaks of {host}, which is no service"
                );
            }
        }
    }
    for volume in compose["volumes"].as_hash().expect("volumes").keys() {
        let volume = format!("{}:/data", volume.as_str().expect("a name"));
        let used = services.values().filter(|service| {
            service["volumes"].as_vec().is_some_and(|_| words(&service["volumes"]).contains(&volume))
        });
        assert_eq!(used.count(), 1, "{volume}");
    }
}

#[test]
fn the_balancer_takes_what_the_compose_file_gives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut words = command_of(&compose()["services"]["balancer"]);
    words.insert(2, "--check".to_owned());
    let output = run(Command::new(&words[0]).args(&words[1..]).env("HAPROXY_DIR", folder.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_balancer_writes_where_it_is_told_and_into_no_file_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |settings: Option<&Path>| {
        let mut command = Command::new(repository("deploy/balancer.sh"));
        command.args(["--check", "127.0.0.1:1", "127.0.0.1:2"]).env("TMPDIR", folder.path());
        command.env_remove("HAPROXY_DIR");
        settings.map(|settings| command.env("HAPROXY_DIR", settings));
        let output = run(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    check(None);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    // Somebody has made it before, open to all, or as a link to something else.
    let (file, other) = (folder.path().join("haproxy.cfg"), folder.path().join("other"));
    std::fs::write(&other, "untouched").expect("a file");
    for prepare in [
        |file: &Path, _: &Path| std::fs::write(file, ""),
        |file: &Path, other: &Path| std::fs::remove_file(file).and_then(|()| symlink(other, file)),
    ] {
        prepare(&file, &other).expect("a file is made");
        check(Some(folder.path()));
        let made = std::fs::symlink_metadata(&file).expect("it is there");
        assert!(made.is_file() && made.permissions().mode() & 0o777 == 0o600);
    }
    assert_eq!(std::fs::read_to_string(&other).expect("a file"), "untouched");
}

#[test]
fn what_the_image_copies_is_there() {
    let dockerfile = read("Dockerfile");
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        if line.starts_with("--from") {
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        for source in &words[..words.len() - 1] {
            assert!(repository(source).exists(), "COPY {line}: there is no {source}");
        }
    }
    // The image is built without tests, benches and tools, which works for those that say where they are.
    for (manifest, kinds) in [("Cargo.toml", ["[test", "[bench"]), ("tools/Cargo.toml", ["lib", "[bin"])] {
        let manifest = read(manifest);
        let is_absent = |part: &&str| kinds.iter().any(|kind| part.starts_with(kind));
        for target in manifest.split("\n[").filter(is_absent) {
            assert!(target.contains("\npath = "), "[{target} needs a path, or the image cannot be built");
        }
    }
    assert!(dockerfile.contains("\nUSER ") && dockerfile.contains("\nHEALTHCHECK "));
}

/// What the cluster is closed with.
const PASSWORD: &str = "hush \"two\\words\" #é";

/// The whole cluster by the script of `make cluster`.
struct Cluster {
    data: TempDir,
    script: Process,
}

impl Cluster {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(repository("scripts/cluster.sh"));
        command.args(arguments).env("DATA", self.data.path());
        command
    }

    fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(repository("scripts/cluster.sh"));
        let binary = env!("CARGO_BIN_EXE_nineflags");
        // A place where a block of ports is likely to be free; a busy one would be named.
        let port = free_port().to_string();
        command.env("DATA", data.path()).env("NINEFLAGS_BIN", binary).env("PORT", port);
        command.env("REDIS_PASSWORD", PASSWORD);
        let script = Process::start(command, &data.path().join("cluster.log"));
        let cluster = Self { data, script };
        until("the cluster is ready", || cluster.says().contains("Ctrl-C ends everything"));
        cluster
    }

    fn says(&self) -> String {
        std::fs::read_to_string(self.data.path().join("cluster.log")).unwrap_or_default()
    }

    fn pid_file(&self, part: &str) -> PathBuf {
        self.data.path().join(format!("{part}.pid"))
    }

    fn address(&self) -> SocketAddr {
        let says = self.says();
        let address = says.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        address.and_then(|address| address.parse().ok()).expect("the balancer's address")
    }
}

/// Whether a process lives.
fn lives(pid: &str) -> bool {
    run(Command::new("kill").args(["-0", pid])).status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_on_one_machine_serves_mends_and_leaves_nothing() {
    let cluster = Cluster::start();
    let mut ann = Browser::sign_up(cluster.address(), "Ann").await;
    assert!(matches!(ann.ask(Ask::Ping).await, Update::Done { .. }));

    for entry in std::fs::read_dir(cluster.data.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        // The first is the test's own.
        assert!(path.ends_with("cluster.log") || mode & 0o777 & !0o700 == 0, "{} {mode:o}", path.display());
        let is_log = path.extension().is_some_and(|ending| ending == "log");
        assert!(
            !is_log || !std::fs::read_to_string(&path).expect("a log").contains("hush"),
            "{}",
            path.display()
        );
    }
    let sentinel = cluster.says();
    let sentinel = sentinel.split("sentinel-1  127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next());
    let sentinel = sentinel.and_then(|port| port.parse().ok()).expect("the port of a sentinel");
    assert!(ask::<String>(sentinel, &["PING"]).is_none(), "a sentinel is open to everybody");

    let pid = std::fs::read_to_string(cluster.pid_file("node-2")).expect("a pid");
    assert!(run(Command::new("kill").args(["-9", pid.trim()])).status.success());
    until("the end is told", || cluster.says().contains("node-2 has ended"));
    let started = run(&mut cluster.command(&["start", "node-2"]));
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    assert!(!run(&mut cluster.command(&["start", "node-2"])).status.success(), "it runs already");
    assert!(!run(&mut cluster.command(&["start", "node-9"])).status.success(), "there is none");

    let parts = std::fs::read_dir(cluster.data.path()).expect("a folder").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        (path.extension()? == "pid").then(|| std::fs::read_to_string(path).expect("a pid").trim().to_owned())
    });
    let pids: Vec<String> = parts.collect();
    assert_eq!(pids.len(), 11, "ten parts and the script");
    cluster.script.signal(Signal::SIGINT);
    until("everything has ended", || cluster.says().contains("Everything has ended"));
    until("nothing is left", || !pids[..].iter().any(|pid| lives(pid) && !is_zombie(pid)));
}

/// The script itself is waited for only when it is dropped.
fn is_zombie(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}
