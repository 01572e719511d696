//! Names that could pass for whoever runs the site, for the site itself or for a guest: nobody may choose them.

/// What a word of a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    /// Nothing about who it is.
    Little,
    /// That the site itself speaks, unless other words say who does.
    Site,
    /// That it is somebody who runs the site, whatever stands beside it.
    Office,
}

/// Words that say little.
const LITTLE: [&str; 21] = [
    "agent", "chat", "crew", "desk", "game", "group", "main", "member", "message", "our", "people", "person",
    "player", "real", "site", "team", "the", "this", "true", "user", "your",
];
/// Words that say little only where something parts them from the others, since many names end with them.
const LITTLE_APART: [&str; 3] = ["a", "an", "my"];
/// Words by which the site itself would speak.
const SITE: [&str; 20] = [
    "abuse",
    "account",
    "announcement",
    "anonymous",
    "battleline",
    "computer",
    "contact",
    "deleted",
    "hostmaster",
    "moderation",
    "noreply",
    "notice",
    "notification",
    "owner",
    "postmaster",
    "security",
    "server",
    "service",
    "system",
    "warning",
];
/// What people are called who run a site.
const OFFICE: [&str; 11] = [
    "gamemaster",
    "gm",
    "mod",
    "moderator",
    "official",
    "operator",
    "staff",
    "superuser",
    "support",
    "sysop",
    "webmaster",
];
/// What nobody may be called, though names with other words beside it are fine.
const ALONE: [&str; 14] = [
    "anybody",
    "bot",
    "everybody",
    "everyone",
    "help",
    "host",
    "news",
    "nobody",
    "null",
    "robot",
    "root",
    "somebody",
    "team",
    "undefined",
];
/// What guests are called, with a number behind it.
const GUEST: &str = "guest";

/// Whether a name could pass for a guest's.
pub(super) fn is_like_a_guest(name: &str) -> bool {
    [true, false].iter().any(|by_capitals| leads_as_a_guest(&words_of(name, *by_capitals)))
}

/// Whether a name could pass for whoever runs the site, or for the site itself.
pub(super) fn is_like_the_site(name: &str) -> bool {
    [true, false].iter().any(|by_capitals| speak_for_the_site(&words_of(name, *by_capitals)))
}

/// Whether a guest's name leads, with a number behind it or nothing of somebody's own.
fn leads_as_a_guest(words: &[&str]) -> bool {
    let is_number = |text: &str| text.chars().all(|c| "0123456789oOiIlLzZsSbB".contains(c));
    let starts = |word: &str| {
        word.get(..GUEST.len()).is_some_and(|start| folded(start) == GUEST)
            && (is_number(&word[GUEST.len()..]) || says(&folded(&word[GUEST.len()..])).is_some())
    };
    let mut telling = words.iter().skip_while(|word| says_apart(word) == Some(Says::Little));
    let first = telling.next().is_some_and(|word| readings(word).into_iter().any(starts));
    first || readings(&words.concat()).into_iter().any(starts)
}

fn speak_for_the_site(words: &[&str]) -> bool {
    let whole = words.concat();
    let is_any = |text: &str, names: &[&str]| {
        readings(text).into_iter().any(|reading| names.iter().any(|name| is_word(&folded(reading), name)))
    };
    let office = |word: &str| says_apart(word) == Some(Says::Office);
    let pairs = words.windows(2).map(<[&str]>::concat);
    let all =
        words.iter().map(|word| says_apart(word)).try_fold(Says::Little, |most, says| Some(most.max(says?)));
    is_any(&whole, &ALONE)
        || words.iter().any(|word| office(word) || is_like_an_admin(word))
        || pairs.into_iter().any(|pair| office(&pair))
        || is_like_an_admin(&whole)
        || [all, says_apart(&whole)].iter().any(|says| says.is_some_and(|says| says > Says::Little))
        || super::skeleton_of(&whole).contains("9flag")
        || ["moderator", "nineflag"].iter().any(|part| folded(&whole).contains(&folded(part)))
        || readings(&whole).into_iter().any(|reading| folded(reading).starts_with("computer"))
}

/// Many names of those who run a site begin or end so, as `administrator` and `sysadmin` do.
fn is_like_an_admin(word: &str) -> bool {
    readings(word).into_iter().map(folded).any(|word| {
        let admin = folded("admin");
        word.starts_with(&admin) || word.trim_end_matches('s').ends_with(&admin)
    })
}

/// The words of a name: `-` and `_` part them, and a capital letter after a small one, if that is wanted.
fn words_of(name: &str, by_capitals: bool) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut from, mut before) = (0, b'-');
    for (at, byte) in name.bytes().chain([b'-']).enumerate() {
        let is_gap = matches!(byte, b'-' | b'_');
        if is_gap || by_capitals && before.is_ascii_lowercase() && byte.is_ascii_uppercase() {
            words.push(&name[from..at]);
            from = at + usize::from(is_gap);
        }
        before = byte;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How a word may be read: digits beside it are a number, or letters in disguise where most are letters.
fn readings(word: &str) -> Vec<&str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (start, end) = (word.trim_start_matches(is_digit), word.trim_end_matches(is_digit));
    let bare = word.trim_matches(is_digit);
    let letters = |text: &&str| {
        let digits = text.chars().filter(|c| is_digit(*c)).count();
        *text == bare || text.len() > 2 * digits
    };
    [word, start, end, bare].into_iter().filter(letters).collect()
}

/// What a word says that stands by itself; nothing where it is a word of somebody's own.
fn says_apart(word: &str) -> Option<Says> {
    let says = readings(word).into_iter().map(|reading| {
        let is_little = reading.len() <= 1 || LITTLE_APART.contains(&&*reading.to_ascii_lowercase());
        if is_little { Some(Says::Little) } else { says(&folded(reading)) }
    });
    says.max().flatten()
}

/// The most that folded text says which is made of known words, of one or of several, and of nothing else.
fn says(text: &str) -> Option<Says> {
    if text.is_empty() {
        return Some(Says::Little);
    }
    let all = [(Says::Little, &LITTLE[..]), (Says::Site, &SITE), (Says::Office, &OFFICE)];
    let words = all.into_iter().flat_map(|(says, words)| words.iter().map(move |word| (says, word)));
    let found = words.filter_map(|(own, word)| {
        let rest = text.strip_prefix(&*folded(word))?;
        let others = says(rest).max(rest.strip_prefix('s').and_then(says))?;
        Some(own.max(others))
    });
    found.max()
}

/// Text in lower case, letters and digits that can stand for one another being one: more of them than in a skeleton, since
/// nobody else is kept from a name for it.
fn folded(text: &str) -> String {
    let one = |c: char| match c.to_ascii_lowercase() {
        '0' => 'o',
        '1' | 'i' => 'l',
        '2' => 'z',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '6' | '9' => 'g',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    let text: String = text.chars().map(one).collect();
    text.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace('v', "u")
}

fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(&*folded(word)).is_some_and(|rest| rest.is_empty() || rest == "s")
}
