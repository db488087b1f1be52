//! The files of the built web client: read once, when the server starts, and answered from memory. A request is looked up in a table
//! of what was read and never becomes a path of the disk; and a page that is built anew meanwhile is not mixed with the old one.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use thiserror::Error;

/// Most files of a client.
pub const FILES_MAX: usize = 2_000;

/// Most bytes of all its files.
pub const TOTAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

const INDEX: &str = "index.html";

/// Where the build puts files that have a hash of what is in them in their names: what such a name means never changes.
const HASHED: &str = "assets/";

/// Why there is no page.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The folder or its `index.html` is missing.
    #[error("the web client is not built: there is no {}", index.display())]
    NotBuilt {
        /// What should be there.
        index: PathBuf,
    },
    /// Something can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is some other folder.
    #[error("{} has more than {FILES_MAX} files or {TOTAL_BYTES_MAX} bytes: it is no built web client", dir.display())]
    TooMuch {
        /// The folder.
        dir: PathBuf,
    },
}

/// A client, in memory.
#[derive(Debug)]
pub(crate) struct Files {
    /// By path below the folder, without a slash in front.
    by_path: HashMap<String, File>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    /// Quoted, as it is sent.
    pub(crate) etag: String,
    pub(crate) cache: &'static str,
}

impl Files {
    /// Reads a folder. Hidden files and symbolic links in it are left out.
    pub(crate) fn load(dir: &Path) -> Result<Self, FilesError> {
        let index = dir.join(INDEX);
        if !index.is_file() {
            return Err(FilesError::NotBuilt { index });
        }
        let mut by_path = HashMap::new();
        let mut bytes = 0;
        let mut folders = vec![(dir.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            let failed = |source| FilesError::Io { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
                let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                    continue;
                };
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                if kind.is_dir() {
                    folders.push((path, format!("{name}/")));
                } else if kind.is_file() {
                    let failed = |source| FilesError::Io { path: path.clone(), source };
                    bytes += entry.metadata().map_err(failed)?.len();
                    if bytes > TOTAL_BYTES_MAX || by_path.len() == FILES_MAX {
                        return Err(FilesError::TooMuch { dir: dir.to_owned() });
                    }
                    let body = fs::read(&path).map_err(failed)?;
                    by_path.insert(name.clone(), File::new(&name, body));
                }
            }
        }
        Ok(Self { by_path })
    }

    /// What an address's path names.
    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        let path = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
        self.by_path.get(if path.is_empty() { INDEX } else { &path })
    }

    pub(crate) fn len(&self) -> usize {
        self.by_path.len()
    }
}

impl File {
    fn new(name: &str, body: Vec<u8>) -> Self {
        let hash = digest(&SHA256, &body);
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
        let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        Self { body: body.into(), content_type: content_type(name), etag, cache }
    }

    /// Whether a browser that sends this `If-None-Match` has it.
    pub(crate) fn is_known(&self, if_none_match: &str) -> bool {
        let known = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag;
        if_none_match.split(',').any(|tag| known(tag.trim()))
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_page_is_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let told = Files::load(dir.path()).unwrap_err().to_string();
        assert!(told.contains("not built") && told.ends_with("/index.html"), "{told}");
    }

    #[test]
    fn a_folder_that_is_something_else_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(INDEX), "").unwrap();
        let huge = fs::File::create(dir.path().join("huge")).unwrap();
        huge.set_len(TOTAL_BYTES_MAX + 1).unwrap();
        assert!(matches!(Files::load(dir.path()), Err(FilesError::TooMuch { .. })));
        fs::remove_file(dir.path().join("huge")).unwrap();
        for n in 0..FILES_MAX {
            fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        assert!(matches!(Files::load(dir.path()), Err(FilesError::TooMuch { .. })));
    }

    #[test]
    fn a_tag_is_known_in_a_list_and_as_a_weak_one() {
        let file = File::new("a.txt", b"text".to_vec());
        let tag = &file.etag;
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            assert!(file.is_known(&known), "{known}");
        }
        for other in ["", "\"other\"", tag.trim_matches('"')] {
            assert!(!file.is_known(other), "{other}");
        }
    }
}
