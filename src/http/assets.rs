//! The browser client, embedded in the binary: every file under one name that changes with any of them.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::table::record::hex;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The style sheets, in the order in which they are joined into `all.css`.
const STYLES: [&str; 8] = ["tokens", "base", "card", "table", "narrow", "lobby", "pages", "motion"];
/// Characters of the bundle's hash.
const HASH_CHARS: usize = 16;
/// How hard text is compressed, once at the start.
const THOROUGHLY: u32 = if cfg!(debug_assertions) { 5 } else { 11 };
/// The same while somebody waits.
pub const QUICKLY: u32 = 4;
const BROTLI_WINDOW: u32 = 22;
/// Bytes of other versions' files that are kept as they are sent, at most.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
pub struct Asset {
    pub plain: Bytes,
    /// Compressed with brotli, if that is smaller.
    pub brotli: Option<Bytes>,
    pub media: &'static str,
}

impl Asset {
    fn bytes(&self) -> usize {
        self.plain.len() + self.brotli.as_ref().map_or(0, Bytes::len)
    }
}

pub struct Assets {
    files: HashMap<String, Asset>,
    /// The page.
    pub index: Asset,
    /// The hash of all files, part of their addresses.
    pub hash: String,
    /// Files of other versions, by hash and address, so that each is compressed once and not for everybody who asks.
    others: Mutex<HashMap<(String, String), Asset>>,
}

impl Default for Assets {
    fn default() -> Self {
        let mut contents: Vec<(String, Vec<u8>)> = Files::iter()
            .filter_map(|name| Some((name.to_string(), Files::get(&name)?.data.into_owned())))
            .filter(|(name, _)| !name.starts_with("styles/"))
            .collect();
        contents.push(("all.css".to_owned(), joined_styles()));
        contents.sort();
        for (name, content) in &mut contents {
            if is_code(name) {
                *content = without_comments(content);
            }
        }
        let mut digest = Sha256::new();
        for (name, content) in &contents {
            digest.update(name.as_bytes());
            digest.update(content);
        }
        let mut hash = hex(&digest.finalize());
        hash.truncate(HASH_CHARS);
        let mut files: HashMap<String, Asset> = contents
            .into_iter()
            .map(|(name, content)| {
                let asset = asset(&name, content, THOROUGHLY);
                (name, asset)
            })
            .collect();
        let index = files.remove("index.html").map(|index| index.plain).unwrap_or_default();
        let index = String::from_utf8_lossy(&index).replace("/assets/HASH/", &format!("/assets/{hash}/"));
        Self {
            files,
            index: asset("index.html", index.into_bytes(), THOROUGHLY),
            hash,
            others: Mutex::default(),
        }
    }
}

impl Assets {
    /// All files behind the hash, as they are.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, asset)| (path.as_str(), &*asset.plain))
    }

    /// A file by its address behind the hash.
    pub fn get(&self, path: &str) -> Option<&Asset> {
        self.files.get(path)
    }

    /// A file of another version that is kept.
    pub fn kept(&self, key: &(String, String)) -> Option<Asset> {
        self.others().get(key).cloned()
    }

    /// Keeps a file of another version; beyond the bound all others go.
    pub fn keep(&self, key: (String, String), asset: Asset) {
        let mut others = self.others();
        let bytes: usize = others.values().chain([&asset]).map(Asset::bytes).sum();
        if bytes > KEPT_BYTES {
            others.clear();
        }
        others.insert(key, asset);
    }

    fn others(&self) -> MutexGuard<'_, HashMap<(String, String), Asset>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn joined_styles() -> Vec<u8> {
    let sheets = STYLES.iter().filter_map(|name| Files::get(&format!("styles/{name}.css")));
    sheets.flat_map(|sheet| [sheet.data.into_owned(), b"\n".to_vec()].concat()).collect()
}

fn is_code(name: &str) -> bool {
    [".js", ".css"].iter().any(|ending| name.ends_with(ending))
}

/// Scripts and style sheets as they are sent: without indentation and without the lines that are only comments, an eighth of
/// what a first visit loads. Every other line keeps its number; no text in them spans lines.
fn without_comments(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let mut is_inside = false;
    let mut sent = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim();
        let begins = !is_inside && trimmed.starts_with("/*");
        // A comment that begins a line of code, as a type before a value does, stays.
        let is_comment = is_inside || trimmed.starts_with("//") || (begins && ends_whole(trimmed));
        is_inside = (is_inside && !trimmed.ends_with("*/")) || (begins && !trimmed.contains("*/"));
        if !is_comment {
            sent.push_str(line.trim_start());
        }
        sent.push('\n');
    }
    sent.into_bytes()
}

/// Whether a comment that begins a line takes all of it.
fn ends_whole(line: &str) -> bool {
    line.find("*/").is_none_or(|end| end + 2 == line.len())
}

/// Whether a text could be the hash of some version's files.
pub fn is_hash(text: &str) -> bool {
    text.len() == HASH_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file as it is sent; takes a processor for a while.
pub fn asset(name: &str, content: Vec<u8>, quality: u32) -> Asset {
    let media = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let is_text = media != "image/png";
    let brotli = packed(&content, quality).filter(|packed| is_text && packed.len() < content.len());
    Asset { plain: content.into(), brotli, media }
}

pub fn packed(content: &[u8], quality: u32) -> Option<Bytes> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, quality, BROTLI_WINDOW);
    // Writing to a Vec cannot fail.
    writer.write_all(content).ok()?;
    drop(writer);
    Some(packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_sent_and_lines_keep_their_numbers() {
        let source = "// One.\n/** Two. */\nconst a = 1; // stays\n/**\n * Three\n */\n/** @type {any} */ (b).c();\n  // four\nlet u = 'http://x';\n";
        let sent = String::from_utf8(without_comments(source.as_bytes())).expect("text");
        assert_eq!(
            sent,
            "\n\nconst a = 1; // stays\n\n\n\n/** @type {any} */ (b).c();\n\nlet u = 'http://x';\n"
        );
        assert_eq!(
            without_comments(b"/* All. */\na { b: c }\n/* d\n e */\nf {}\n"),
            b"\na { b: c }\n\n\nf {}\n"
        );
        assert_eq!(without_comments(b"a {\n  b: c;\n}\n"), b"a {\nb: c;\n}\n");
        for name in Files::iter().filter(|name| is_code(name)) {
            let content = Files::get(&name).expect("a file").data;
            let text = String::from_utf8_lossy(&content);
            let whole = |line: &str| line.matches('`').count().is_multiple_of(2);
            assert!(text.lines().all(whole), "{name} has a text that spans lines");
        }
    }
}
