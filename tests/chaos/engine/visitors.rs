//! People in the lobby while everything breaks: they block, invite, take back, write letters, change passwords and log out,
//! and find later that whatever was answered as done is so.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nineflags::ids::RequestId;
use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::table::options::TableOptions;
use nineflags_tools::load::choice::Dice;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::harness::browser::{Browser, try_post};

/// People who are blocked and heard again.
const OTHERS: usize = 4;
/// Pause between two requests of one visitor.
const PAUSE: Duration = Duration::from_millis(60);
/// How often a visitor opens its websocket anew, to see what stands.
const STAY: Duration = Duration::from_secs(4);
/// How often something is done about logins and passwords: few tries are allowed in a minute.
const LOGIN_EVERY: Duration = Duration::from_secs(13);
/// How long a letter may be on its way.
const LETTERS_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// What nobody answered is carried out within this time or not at all.
const LATE_WITHIN: Duration = Duration::from_secs(30);
/// How long an invite is believed to stand; it lapses some time later.
const INVITE_STANDS: Duration = Duration::from_secs(40);

/// What was answered as done, and is to be found again. Pure.
#[derive(Debug, Default)]
pub struct Promises {
    stands: BTreeMap<String, (bool, Instant)>,
    /// What was asked without an answer, and when: it may be carried out late.
    unknown: BTreeMap<String, Instant>,
}

impl Promises {
    /// Something is asked: until it is answered nobody can know.
    pub fn asked(&mut self, what: &str) {
        self.stands.remove(what);
    }

    /// It was not answered, or its fate is not known.
    pub fn lost(&mut self, what: &str) {
        self.unknown.insert(what.to_owned(), Instant::now());
    }

    /// It was answered as done.
    pub fn done(&mut self, what: &str, stands: bool) {
        if self.unknown.get(what).is_none_or(|at| at.elapsed() > LATE_WITHIN) {
            self.stands.insert(what.to_owned(), (stands, Instant::now()));
        }
    }

    /// What is found otherwise than it was answered, in words; `found` gives nothing where it cannot be seen.
    pub fn look(&self, found: impl Fn(&str, Duration) -> Option<bool>) -> Vec<String> {
        let broken = |(what, (stands, at)): (&String, &(bool, Instant))| {
            let is_there = found(what, at.elapsed())?;
            let word = if *stands { "gone" } else { "there again" };
            (is_there != *stands).then(|| format!("{what} was answered as done and is {word} without a word"))
        };
        self.stands.iter().filter_map(broken).collect()
    }
}

/// What a visitor has seen in the end.
#[derive(Default)]
struct Seen {
    /// What was broken, in words.
    broken: Vec<String>,
    /// Letters that were answered as sent, and when.
    sent: Vec<(String, Instant)>,
}

/// The visitors of a run.
pub struct Visitors {
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Seen>>,
    /// The reader of their letters, which leaves last.
    is_read: Arc<AtomicBool>,
    reader: JoinHandle<HashSet<String>>,
}

impl Visitors {
    /// Two come, one of whom invites the other, and a reader to whom both write.
    pub async fn come(nodes: &[SocketAddr], seed: u64) -> Result<Self, String> {
        let over = Arc::new(AtomicBool::new(false));
        let mut others = Vec::new();
        for _ in 0..OTHERS {
            others.push(name_of(&guest(nodes[0]).await?, nodes[0]).await?);
        }
        let reader = guest(nodes[0]).await?;
        let reader_name = name_of(&reader, nodes[0]).await?;
        let mut tasks = Vec::new();
        // If both invited, a game would begin.
        for (number, (name, invites)) in [("Vera", Some("Viktor")), ("Viktor", None)].into_iter().enumerate()
        {
            let body = json!({"name": name, "password": password(0)});
            let reply = try_post(nodes[0], "/api/signup", "", &body).await;
            let cookie =
                reply.and_then(|reply| reply.cookie).ok_or_else(|| format!("{name} cannot sign up"))?;
            let visitor = Visitor {
                nodes: nodes.to_vec(),
                name,
                invites,
                others: others.clone(),
                reader: reader_name.clone(),
                cookie,
                password: Some(0),
                passwords: 0,
                dice: Dice::new(seed ^ number as u64),
                promises: Promises::default(),
                seen: Seen::default(),
                ended: Vec::new(),
            };
            tasks.push(tokio::spawn(visitor.stay(Arc::clone(&over))));
        }
        let is_read = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read_letters(nodes.to_vec(), reader, Arc::clone(&is_read)));
        Ok(Self { over, tasks, is_read, reader })
    }

    /// They look once more and leave: what was broken, in words.
    pub async fn leave(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        let (mut broken, mut sent) = (Vec::new(), Vec::new());
        for task in self.tasks {
            match task.await {
                Ok(seen) => {
                    broken.extend(seen.broken);
                    sent.extend(seen.sent);
                }
                Err(error) => broken.push(format!("a visitor broke down: {error}")),
            }
        }
        sleep(LETTERS_WITHIN).await;
        self.is_read.store(true, Ordering::Relaxed);
        match self.reader.await {
            Ok(read) => {
                let lost = sent.iter().filter(|(letter, _)| !read.contains(letter));
                broken.extend(lost.map(|(letter, at)| {
                    let ago = at.elapsed();
                    format!("the letter {letter} was answered as sent {ago:.1?} ago and never came")
                }));
            }
            Err(error) => broken.push(format!("the reader broke down: {error}")),
        }
        broken
    }
}

/// Reads letters until it is told that all were sent, at one node after the other.
async fn read_letters(nodes: Vec<SocketAddr>, cookie: String, is_over: Arc<AtomicBool>) -> HashSet<String> {
    let mut read = HashSet::new();
    for node in nodes.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let Some(mut browser) = Browser::try_connect(*node, &cookie).await else {
            sleep(PAUSE).await;
            continue;
        };
        while !is_over.load(Ordering::Relaxed) {
            match timeout(STAY, browser.next()).await {
                Ok(Some(Update::Message(letter))) => drop(read.insert(letter.text)),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }
    read
}

struct Visitor {
    nodes: Vec<SocketAddr>,
    name: &'static str,
    invites: Option<&'static str>,
    others: Vec<String>,
    /// To whom letters are written.
    reader: String,
    cookie: String,
    /// The number of the present password; nothing while it is not known whether it was changed.
    password: Option<u32>,
    passwords: u32,
    dice: Dice,
    promises: Promises,
    seen: Seen,
    /// Cookies of logins that were ended.
    ended: Vec<String>,
}

impl Visitor {
    async fn stay(mut self, over: Arc<AtomicBool>) -> Seen {
        let mut login_at = Instant::now();
        while !over.load(Ordering::Relaxed) {
            let node = self.node();
            let Some(mut browser) = Browser::try_connect(node, &self.cookie).await else {
                sleep(PAUSE).await;
                continue;
            };
            self.look(&browser);
            let until = Instant::now() + STAY;
            while Instant::now() < until && !over.load(Ordering::Relaxed) && self.ask(&mut browser).await {
                sleep(PAUSE).await;
            }
            if login_at.elapsed() > LOGIN_EVERY {
                login_at = Instant::now();
                drop(browser);
                self.change_logins().await;
            }
        }
        self.look_at_last().await;
        self.seen
    }

    fn node(&mut self) -> SocketAddr {
        self.nodes[self.dice.below(self.nodes.len())]
    }

    /// Compares what a welcome shows with what was answered.
    fn look(&mut self, browser: &Browser) {
        let welcome = &browser.welcome;
        let blocks = |name: &str| welcome.blocked.iter().any(|blocked| blocked.as_str() == name);
        let invites = |name: &str| welcome.invites.sent.iter().any(|invite| invite.name.as_str() == name);
        let broken = self.promises.look(|what, age| match what.split_once(' ')? {
            ("block", name) => Some(blocks(name)),
            ("invite", name) => (age < INVITE_STANDS || invites(name)).then(|| invites(name)),
            _ => None,
        });
        self.seen.broken.extend(broken.into_iter().map(|words| format!("{}: {words}", self.name)));
    }

    /// Writes a letter; false where its fate is not known.
    async fn write(&mut self, browser: &mut Browser) -> bool {
        let Ok(to) = self.reader.parse() else { return false };
        let id = fresh_id();
        let text = format!("{} of {}", id.as_str(), self.name);
        let ask = Ask::Tell { to, text: text.clone() };
        match timeout(ANSWER_WITHIN, browser.ask_if_open(&id, &ask)).await {
            Ok(Some(Update::Done { .. })) => self.seen.sent.push((text, Instant::now())),
            Ok(Some(Update::Refused { code: RefusalCode::Unavailable, .. }) | None) | Err(_) => return false,
            Ok(Some(_)) => {}
        }
        true
    }

    /// Makes one request; false where its fate is not known.
    async fn ask(&mut self, browser: &mut Browser) -> bool {
        if self.dice.below(4) == 0 {
            return self.write(browser).await;
        }
        let other = self.others[self.dice.below(OTHERS)].clone();
        let stands = self.dice.below(2) == 0;
        let (kind, name) = match self.invites.filter(|_| self.dice.below(4) == 0) {
            Some(partner) => ("invite", partner),
            None => ("block", other.as_str()),
        };
        let Ok(to) = name.parse() else { return false };
        let ask = match (kind, stands) {
            ("block", true) => Ask::Block { name: to },
            ("block", _) => Ask::Unblock { name: to },
            (_, true) => Ask::Invite { to, options: TableOptions::default(), resume: None },
            (_, false) => Ask::Withdraw { to, invite: None },
        };
        let what = format!("{kind} {name}");
        self.promises.asked(&what);
        let id = fresh_id();
        match timeout(ANSWER_WITHIN, browser.ask_if_open(&id, &ask)).await {
            Ok(Some(Update::Done { .. })) => self.promises.done(&what, stands),
            // What else was answered is looked at before it is asked for again.
            Ok(Some(Update::Refused { code: RefusalCode::Unavailable, .. }) | None) | Err(_) => {
                self.promises.lost(&what);
                return false;
            }
            Ok(Some(_)) => {}
        }
        true
    }

    /// Ends a login, and takes another password.
    async fn change_logins(&mut self) {
        let (node, other) = (self.node(), self.node());
        if let Ok(cookie) = guest(node).await
            && try_post(other, "/api/logout", &cookie, &json!({}))
                .await
                .is_some_and(|reply| reply.status == 200)
        {
            self.ended.push(cookie);
        }
        let Some(old) = self.password else { return self.find_password().await };
        self.passwords += 1;
        self.password = None;
        let body = json!({"old": password(old), "new": password(self.passwords)});
        // Whether it was changed is otherwise found out by trying, the next time.
        let reply = try_post(node, "/api/password", &self.cookie, &body).await;
        self.password = reply.filter(|reply| reply.status == 200).map(|_| self.passwords);
    }

    async fn find_password(&mut self) {
        for number in (0..=self.passwords).rev().take(2) {
            if self.logs_in(number).await == Some(true) {
                self.password = Some(number);
                return;
            }
        }
    }

    /// Whether a password fits; nothing where that is not known.
    async fn logs_in(&mut self, number: u32) -> Option<bool> {
        let body = json!({"name": self.name, "password": password(number)});
        let reply = try_post(self.node(), "/api/login", "", &body).await?;
        match reply.status {
            200 => {
                self.cookie = reply.cookie?;
                Some(true)
            }
            403 => Some(false),
            _ => None,
        }
    }

    /// All is whole again: what was answered is looked for until there is an answer.
    async fn look_at_last(&mut self) {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            let node = self.node();
            if let Some(browser) = Browser::try_connect(node, &self.cookie).await {
                self.look(&browser);
                break;
            }
            sleep(PAUSE).await;
        }
        for cookie in std::mem::take(&mut self.ended) {
            let node = self.node();
            if Browser::try_connect(node, &cookie).await.is_some() {
                self.seen.broken.push(format!("{}: a login that was ended opens a websocket", self.name));
            }
        }
        if let Some(number) = self.password
            && self.logs_in(number).await == Some(false)
        {
            self.seen.broken.push(format!("{}: the password that was taken last does not fit", self.name));
        }
    }
}

fn password(number: u32) -> String {
    format!("correct horse {number}")
}

async fn guest(node: SocketAddr) -> Result<String, String> {
    let reply = try_post(node, "/api/guest", "", &json!({})).await;
    reply.and_then(|reply| reply.cookie).ok_or_else(|| "nobody is let in as a guest".to_owned())
}

async fn name_of(cookie: &str, node: SocketAddr) -> Result<String, String> {
    let browser = Browser::try_connect(node, cookie).await.ok_or("a guest is not welcomed")?;
    Ok(browser.name.to_string())
}

/// An id that no request had.
fn fresh_id() -> RequestId {
    format!("v-{}", uuid::Uuid::new_v4().simple()).parse().expect("an id")
}
