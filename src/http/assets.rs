//! The browser client, embedded in the binary: every file under one name that changes with any of them.

use std::collections::HashMap;
use std::io::Write;

use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::table::record::hex;

/// The files of `static/`.
#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The style sheets, in the order in which they are joined into `all.css`.
const STYLES: [&str; 7] = ["tokens", "base", "card", "table", "lobby", "pages", "motion"];
/// Characters of the bundle's hash.
const HASH_CHARS: usize = 16;
/// How hard text is compressed, once at the start.
const BROTLI_QUALITY: u32 = if cfg!(debug_assertions) { 5 } else { 11 };
const BROTLI_WINDOW: u32 = 22;

/// One file, as it is sent.
#[derive(Clone)]
pub struct Asset {
    /// As it is.
    pub plain: Bytes,
    /// Compressed with brotli, if that is smaller.
    pub brotli: Option<Bytes>,
    /// Its media type.
    pub media: &'static str,
}

/// All files.
pub struct Assets {
    files: HashMap<String, Asset>,
    /// The page.
    pub index: Asset,
    /// The hash of all files, part of their addresses.
    pub hash: String,
}

impl Default for Assets {
    fn default() -> Self {
        let mut contents: Vec<(String, Vec<u8>)> = Files::iter()
            .filter_map(|name| Some((name.to_string(), Files::get(&name)?.data.into_owned())))
            .filter(|(name, _)| !name.starts_with("styles/"))
            .collect();
        contents.push(("all.css".to_owned(), joined_styles()));
        contents.sort();
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
                let asset = asset(&name, content);
                (name, asset)
            })
            .collect();
        let index = files.remove("index.html").map(|index| index.plain).unwrap_or_default();
        let index = String::from_utf8_lossy(&index).replace("/assets/HASH/", &format!("/assets/{hash}/"));
        Self { files, index: asset("index.html", index.into_bytes()), hash }
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
}

fn joined_styles() -> Vec<u8> {
    let sheets = STYLES.iter().filter_map(|name| Files::get(&format!("styles/{name}.css")));
    sheets.flat_map(|sheet| [sheet.data.into_owned(), b"\n".to_vec()].concat()).collect()
}

/// Whether a text could be the hash of some version's files.
pub fn is_hash(text: &str) -> bool {
    text.len() == HASH_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file as it is sent.
pub fn asset(name: &str, content: Vec<u8>) -> Asset {
    let media = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let brotli = if media == "image/png" { None } else { brotli(&content) };
    Asset { plain: content.into(), brotli, media }
}

/// The content compressed, if that makes it smaller.
pub fn brotli(content: &[u8]) -> Option<Bytes> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    // Writing to a Vec cannot fail.
    writer.write_all(content).ok()?;
    drop(writer);
    (packed.len() < content.len()).then(|| packed.into())
}
